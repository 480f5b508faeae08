import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

import { verifyWebhook, type WebhookEvent } from 'mushu-health/client/webhooks';

/**
 * Receives the broker's events: it takes only what is signed, handles each event once, and ignores what is stale. What it remembers, a real
 * backend keeps in its database.
 */

const stop: (sentence: string) => never = (sentence) => {
  console.error(sentence);
  process.exit(1);
};

const { MUSHU_WEBHOOK_SECRET, PORT = '8081' } = process.env;
if (MUSHU_WEBHOOK_SECRET === undefined) stop('Set MUSHU_WEBHOOK_SECRET to the secret of the endpoint.');
if (!(Number(PORT) > 0 && Number(PORT) < 65_536)) stop('Set PORT to a number from 1 to 65535.');
const secret = MUSHU_WEBHOOK_SECRET;

/** When each event was handled, by its id. The signature's time is checked too, so that ten minutes are enough. */
const handledAt = new Map<string, number>();
const REMEMBERED_MS = 10 * 60 * 1000;

/** After the event, not before: one whose handling fails is sent again, and must not look handled. */
const noteHandled = (id: string): void => {
  for (const [old, at] of handledAt) if (Date.now() - at > REMEMBERED_MS) handledAt.delete(old);
  handledAt.set(id, Date.now());
};

/**
 * The newest event of each user. An older one that is sent again is stale, except for measurements: they are as they were when the event
 * was sent.
 */
const newest = new Map<string, number>();

const handle = (event: WebhookEvent): void => {
  const { user_id: user, sequence } = event.data;
  const known = newest.get(user) ?? 0;
  if (sequence <= known && event.type !== 'measurements.changed') return console.log(`${event.type} of ${user}: stale`);
  newest.set(user, Math.max(sequence, known));
  switch (event.type) {
    case 'measurements.changed':
      // Null: more than a body holds. Read on at `read_from`, with the app's key.
      return console.log(`measurements.changed of ${user}: ${event.data.changes?.length ?? 'many'} groups`);
    case 'connection.reauth_required':
      return console.log(`connection.reauth_required of ${user}: ${event.data.reason}. Ask the user to connect again.`);
    case 'user.erased':
      return console.log(`user.erased of ${user}: delete what you keep of this user.`);
    default:
      return console.log(`${event.type} of ${user}`);
  }
};

const MAX_BODY_BYTES = 256 * 1024;

/** The body as it came: the signature is over these bytes. Undefined for one that is larger than any event. */
const bodyOf = async (request: IncomingMessage): Promise<string | undefined> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
};

const receive = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  if (request.method !== 'POST' || request.url !== '/webhooks') return void response.writeHead(404).end();
  const body = await bodyOf(request);
  if (body === undefined) return void response.writeHead(413).end();
  const checked = await verifyWebhook(request.headers, body, { secret, isHandled: (id) => handledAt.has(id) });
  if (checked.ok) {
    handle(checked.event);
    noteHandled(checked.event.id);
  } else console.log(`refused: ${checked.refusal}`);
  // One that was handled already is taken, so that it is not sent again.
  response.writeHead(checked.ok || checked.refusal === 'replayed' ? 204 : 401).end();
};

createServer((request, response) => {
  receive(request, response).catch(() => response.writeHead(500).end());
})
  .on('error', ({ message }) => stop(`Port ${PORT} cannot be used: choose another with PORT. (${message})`))
  .listen(Number(PORT), '127.0.0.1', () => console.log(`Waiting for events at http://127.0.0.1:${PORT}/webhooks`));
