/** A call to the API host, read completely. `action` names the operation, not the path. */
export type Call = {
  method: string;
  path: string;
  action: string | undefined;
  /** The form's fields without `action`; of a repeated one the last, as PHP reads it. */
  fields: Record<string, string>;
  /** From the `Authorization` header, or else the field `access_token`. */
  accessToken: string | undefined;
};

const formFields = async (request: Request, url: URL): Promise<URLSearchParams> => {
  if (request.method === 'GET') return url.searchParams;
  const type = request.headers.get('content-type') ?? '';
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(type);
  // Not `text()`: workerd logs a warning if the type is not text/*.
  return new URLSearchParams(isForm ? new TextDecoder().decode(await request.arrayBuffer()) : '');
};

/** Reads a request as Withings does: a form body (the query on GET), with `action` accepted in the query too. */
export const readCall = async (request: Request): Promise<Call> => {
  const url = new URL(request.url);
  const form = await formFields(request, url);
  const { action, ...fields } = Object.fromEntries(form);
  const bearer = /^Bearer (\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1];
  return {
    method: request.method,
    path: url.pathname,
    action: action ?? url.searchParams.get('action') ?? undefined,
    fields,
    accessToken: bearer ?? fields['access_token'],
  };
};

/** Every field as one text, equal for equal arguments in any order. */
export const argumentsOf = (call: Call): string =>
  Object.entries(call.fields)
    .filter(([name]) => name !== 'access_token')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map((field) => field.map(encodeURIComponent).join('='))
    .join('&');
