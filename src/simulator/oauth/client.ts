/** A developer's app as registered in Withings' dashboard. */
export type Client = {
  clientId: string;
  clientSecret: string;
  /** Shown on the consent page. */
  name: string;
  /** Registered callback URLs. */
  redirectUris: string[];
};

const parse = (text: string): URL | null => {
  // Only characters of a URL: the string itself becomes a Location header, and browsers read `\` as `/`.
  if (!/^https?:\/\/[\x21-\x7e]+$/.test(text) || text.includes('\\') || text.includes('#')) return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  return url === null || url.username !== '' || url.password !== '' ? null : url;
};

/**
 * Whether a redirect_uri falls under one registered callback URL (Withings API reference, `redirect_uri` of
 * authorize2). It has the same origin, the same path or one below it, and the same query arguments or more.
 */
const fallsUnder = (given: URL, registered: URL): boolean => {
  const folder = registered.pathname.endsWith('/') ? registered.pathname : `${registered.pathname}/`;
  const pathFits = given.pathname === registered.pathname || given.pathname.startsWith(folder);
  const queryFits =
    registered.search === '' || given.search === registered.search || given.search.startsWith(`${registered.search}&`);
  return given.origin === registered.origin && pathFits && queryFits;
};

/** Whether the client may have its users sent to `redirectUri`. */
export const allowsRedirect = (client: Client, redirectUri: string): boolean => {
  const given = parse(redirectUri);
  if (given === null) return false;
  return client.redirectUris.some((text) => {
    const registered = parse(text);
    return registered !== null && fallsUnder(given, registered);
  });
};
