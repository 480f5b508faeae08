import type { Ready } from '../../scripts/dev/spawn.ts';

export const WOMOJI = 'womoji://withings/success';

/** A request that follows no redirect. */
export const send = (url: string, init: RequestInit = {}): Promise<Response> =>
  fetch(url, { redirect: 'manual', ...init });

/** A request of the app, with its key. */
export const asApp = ({ url, app_id: appId, api_key: key }: Ready, method: string, path: string): Promise<Response> =>
  send(`${url}/apps/${appId}${path}`, { method, headers: { 'X-API-Key': key } });

/** Where an answer redirects to; throws if it does not. */
export const locationOf = async (response: Response): Promise<string> => {
  const location = response.headers.get('Location');
  if (location === null) throw new Error(`no redirect: ${response.status} ${await response.text()}`);
  return location;
};

type Walk = { userId: string; redirectUri?: string; person?: string; decision?: 'allow' | 'deny' };

/** Walks the connect flow over HTTP as a browser does. Where it ended, and the URL of the callback that it went through. */
export const walk = async (
  { url, app_id: appId }: Ready,
  { userId, redirectUri = WOMOJI, person = 'nora', decision = 'allow' }: Walk,
): Promise<{ location: string; callback: string }> => {
  const query = new URLSearchParams({ user_id: userId, redirect_uri: redirectUri });
  const started = await send(`${url}/apps/${appId}/withings/auth?${query.toString()}`);
  const cookie = started.headers.getSetCookie().map((text) => text.split(';')[0]);
  const consented = await send(await locationOf(started), {
    method: 'POST',
    body: new URLSearchParams({ person, decision }),
  });
  const callback = await locationOf(consented);
  const finished = await send(callback, { headers: { Cookie: cookie.join('; ') } });
  return { location: await locationOf(finished), callback };
};
