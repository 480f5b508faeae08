import { MAX_USER_ID_LENGTH, USER_ID_RULE } from '../../src/domain/user-id.ts';
import type { Auth } from '../../src/http/api/reference/operation.ts';

/** The parts of the document that belong to no route. */

export const INFO = {
  title: 'Mushu Health',
  summary: 'A Withings OAuth broker: link once, keep the tokens alive, serve the body data.',
  description: [
    "An app sends its user's browser to one URL; the user consents at Withings once; from then on the broker holds the tokens, keeps them alive, pulls body measurements and serves them.",
    '',
    'Errors are `application/problem+json` (RFC 9457) with a stable `code`. To a browser (`Accept: text/html`) they are pages with the same words. Every answer has an `X-Request-Id`: tell it to the operator. Answers may gain fields; ignore those you do not know.',
    '',
    `A \`user_id\` is the app's own: ${USER_ID_RULE}, percent-encoded in a path.`,
  ].join('\n'),
  license: { name: 'MIT', identifier: 'MIT' },
};

export const TAGS = [
  { name: 'Connecting', description: "What a user's browser opens, and what an app's backend does around it." },
  { name: 'Connections', description: 'One user of one app, linked to a Withings account: pull, look, forget.' },
  { name: 'Metrics', description: 'Body data over time.' },
  { name: 'Users', description: 'All of a user: handed out, and erased.' },
  { name: 'Accounts', description: 'Who develops apps here, and the access tokens that manage them.' },
  {
    name: 'Webhooks',
    description: 'Events that are sent to an app, signed as Standard Webhooks (standardwebhooks.com) has it.',
  },
  { name: 'Management', description: 'Apps, keys, redirect URIs. Takes an access token, never an app key.' },
  { name: 'Broker', description: 'The broker itself.' },
];

export const SECURITY_SCHEMES = {
  appKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: "The app's key, from its backend." },
  appKeyBearer: { type: 'http', scheme: 'bearer', description: "The app's key as a bearer token." },
  userToken: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: "One user's short-lived token, from that user's phone or page.",
  },
  accessToken: { type: 'http', scheme: 'bearer', description: "The operator's or a developer's access token." },
};

/** The accepted credentials, each sufficient alone. */
export const SECURITY = (auth: Auth): Record<string, string[]>[] => {
  if (auth.kind === 'none') return [];
  if (auth.kind === 'access_token') return [{ accessToken: [] }];
  const byKey = [{ appKey: [] }, { appKeyBearer: [] }];
  return [...byKey, ...(auth.userTokens ? [{ userToken: [] }] : []), { accessToken: [] }];
};

const header = (description: string, example: string) => ({ description, schema: { type: 'string' }, example });

export const RESPONSE_HEADERS = {
  'X-Request-Id': header("The request's id, in the broker's log too.", '8f2d1c7e9a3b4d5f'),
  ETag: header('The version of the data: send it as `If-None-Match`.', '"7-1a"'),
  'Content-Disposition': header(
    'The name of a CSV file.',
    'attachment; filename="metrics-ada-2026-06-01-to-2026-06-15.csv"',
  ),
  Link: header('The next page (RFC 8288).', '<https://broker.example.com/…?cursor=…>; rel="next"'),
  Location: header('Where the browser goes next.', 'womoji://withings/success'),
  'Set-Cookie': header('Tells whether the browser that comes back is the one that left.', '__Host-mushu_link=…'),
  'Retry-After': header('Seconds to wait.', '30'),
  'WWW-Authenticate': header('RFC 9110, 11.6.1.', 'Bearer realm="mushu"'),
  Allow: header('What the path takes.', 'GET, POST'),
};

export const PATH_PARAMETERS: Record<string, { description: string; example: string; maxLength?: number }> = {
  app_id: { description: "The app's id.", example: 'app_0123456789abcdef0123' },
  user_id: {
    description: "The app's own id for the user, percent-encoded.",
    example: 'ada',
    maxLength: MAX_USER_ID_LENGTH,
  },
  key_id: { description: "The key's id.", example: 'key_0123456789abcdef0123' },
  webhook_id: { description: "The endpoint's id.", example: 'wh_0123456789abcdef0123' },
  account_id: { description: "The developer account's id.", example: 'acct_0123456789abcdef0123' },
  token_id: { description: "The access token's id.", example: 'token_0123456789abcdef0123' },
  secret: {
    description: "A keyed hash of the person's id at Withings, which the broker gives to Withings alone.",
    example: 'o2ZkXqLZ0m7t7qvS5vMxo0c5Vb2eQkq1Wl3N0hU9d1E',
  },
};
