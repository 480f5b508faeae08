import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';

import { confirmLink, createConnectSession, createUserToken } from 'mushu-health/client/connections';

/**
 * A web app with its backend, in one file. A cookie says who is signed in, links are minted for that user, and the page
 * reads the user's data with a token of that user. The API key never leaves the backend.
 */

const stop: (sentence: string) => never = (sentence) => {
  console.error(sentence);
  process.exit(1);
};

const { MUSHU_URL, MUSHU_APP_ID, MUSHU_API_KEY, PORT = '8080' } = process.env;
if (MUSHU_URL === undefined || MUSHU_APP_ID === undefined || MUSHU_API_KEY === undefined) {
  stop('Set MUSHU_URL, MUSHU_APP_ID and MUSHU_API_KEY.');
}
if (!(Number(PORT) > 0 && Number(PORT) < 65_536)) stop('Set PORT to a number from 1 to 65535.');
const broker = { url: MUSHU_URL, credential: MUSHU_API_KEY };
const appId = MUSHU_APP_ID;
const origin = `http://127.0.0.1:${PORT}`;
/** Registered with the broker as `http://127.0.0.1/withings/done`, which is good for any port (RFC 8252, 7.3). */
const redirectUri = `${origin}/withings/done`;

const cookieOf = (request: IncomingMessage, name: string): string | undefined =>
  new RegExp(`(?:^|; )${name}=([\\w-]+)`).exec(request.headers.cookie ?? '')?.[1];

// Lax, so that the browser sends it when it comes back from Withings.
const setCookie = (response: ServerResponse, cookie: string): unknown =>
  response.appendHeader('Set-Cookie', `${cookie}; Path=/; HttpOnly; SameSite=Lax`);

/** Stands for your own sign-in. */
const signedInUser = (request: IncomingMessage, response: ServerResponse): string => {
  const known = cookieOf(request, 'user');
  const user = known ?? randomUUID();
  if (known === undefined) setCookie(response, `user=${user}`);
  return user;
};

const redirect = (response: ServerResponse, location: string): void => {
  response.writeHead(303, { Location: location }).end();
};

const answer = (response: ServerResponse, status: number, type: string, body: string): void => {
  response.writeHead(status, { 'Content-Type': `${type}; charset=utf-8`, 'Cache-Control': 'no-store' }).end(body);
};

/** "Connect" was pressed: a link only for this user, and a `state` by which this browser's answer is recognized. */
const startLink = async (user: string, response: ServerResponse): Promise<void> => {
  const state = randomUUID();
  setCookie(response, `link=${state}`);
  const session = await createConnectSession(broker, appId, { user_id: user, redirect_uri: redirectUri, state });
  if (session.ok) return redirect(response, session.value.auth_url);
  redirect(response, `/?error=${session.failure.kind === 'problem' ? session.failure.code : session.failure.kind}`);
};

/** The browser is back from Withings. Another site can send it here too, but does not know the state. */
const finishLink = async (
  user: string,
  state: string | undefined,
  query: URLSearchParams,
  response: ServerResponse,
): Promise<void> => {
  if (state === undefined || query.get('state') !== state) return redirect(response, '/?error=not_recognized');
  setCookie(response, 'link=; Max-Age=0');
  const error = query.get('error');
  if (error !== null) return redirect(response, `/?error=${encodeURIComponent(error)}`);
  const ticket = query.get('ticket');
  if (ticket !== null) {
    // The connection waits for our word that this user, who is signed in here, is the one that it was made for.
    const confirmed = await confirmLink(broker, appId, { ticket, user_id: user });
    if (!confirmed.ok) return redirect(response, '/?error=not_confirmed');
  }
  // The broker reads the history by itself from now on, and the page shows how far it is.
  redirect(response, '/');
};

/** What the page needs to ask the broker by itself: a token for this user, good for an hour. */
const handOutToken = async (user: string, response: ServerResponse): Promise<void> => {
  const made = await createUserToken(broker, appId, { user_id: user });
  if (!made.ok) {
    console.error('The broker gives no token for the page:', made.failure);
    return answer(response, 502, 'application/json', '{}');
  }
  const { token } = made.value;
  answer(response, 200, 'application/json', JSON.stringify({ url: broker.url, appId, userId: user, token }));
};

const file = (name: string): Promise<string> => readFile(join(import.meta.dirname, name), 'utf8');

const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const url = new URL(request.url ?? '/', origin);
  const user = signedInUser(request, response);
  switch (`${request.method} ${url.pathname}`) {
    case 'GET /':
      return answer(response, 200, 'text/html', await file('page.html'));
    case 'GET /page.css':
      return answer(response, 200, 'text/css', await file('page.css'));
    case 'GET /page.js':
      return answer(response, 200, 'text/javascript', await file('page.js'));
    case 'POST /connect':
      return startLink(user, response);
    case 'GET /withings/done':
      return finishLink(user, cookieOf(request, 'link'), url.searchParams, response);
    case 'GET /token':
      return handOutToken(user, response);
    default:
      return answer(response, 404, 'text/plain', 'Not found');
  }
};

createServer((request, response) => {
  handle(request, response).catch(() => answer(response, 500, 'text/plain', 'Something went wrong.'));
})
  .on('error', ({ message }) => stop(`Port ${PORT} cannot be used: choose another with PORT. (${message})`))
  .listen(Number(PORT), '127.0.0.1', () => console.log(`Open ${origin}`));
