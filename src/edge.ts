import type { Deps } from './broker/deps.ts';
import { isSigningKeyPublished } from './broker/link/signing-key.ts';
import { within } from './broker/within.ts';
import { compose, type Platform, workersPlatform } from './compose.ts';
import type { Bindings } from './config.ts';
import type { Log, LogEntry } from './domain/log.ts';
import { http } from './http/app.ts';
import { startsLink } from './http/oauth.ts';
import { requestIdOf } from './http/request-log.ts';

/**
 * The front of two Workers (`npm run deploy -- --edge`). It runs near each user and starts links from the nearest read
 * replica of the database. Everything else it hands to the placed Worker, which runs beside the primary.
 *
 * A replica may be behind by seconds, so it may only start a link, and never refuse one. A refusal may be about an app
 * or a redirect URI that the replica lacks. What it starts wrongly ends at the callback, which reads the primary.
 */
export const answerAtEdge = async (
  request: Request,
  bindings: FrontBindings,
  context: Pick<ExecutionContext, 'waitUntil'>,
  platform: Platform = workersPlatform,
): Promise<Response> => {
  const started = startsLink(request) ? await startFromReplica(request, bindings, context, platform) : undefined;
  // The request is handed over unchanged: it has the caller's address, the host and the request's id.
  return started ?? bindings.PLACED.fetch(request);
};

export type FrontBindings = Bindings & { PLACED: Fetcher };

/** Whether these are the bindings of a front. */
export const isFront = (bindings: Bindings): bindings is FrontBindings => bindings.PLACED !== undefined;

/** A replica answers within 20 ms, or within some hundred if it slept. */
const MAX_REPLICA_MS = 1_000;

/** The redirect to Withings, or the answer 429; undefined if the primary has to be asked. */
const startFromReplica = async (
  request: Request,
  bindings: FrontBindings,
  context: Pick<ExecutionContext, 'waitUntil'>,
  platform: Platform,
): Promise<Response | undefined> => {
  const replica = bindings.DB.withSession('first-unconstrained');
  const deps = await compose(bindings, (work) => context.waitUntil(work), platform, replica);
  const about = { level: 'error', requestId: requestIdOf(request) } as const;
  if (!deps.ok) {
    platform.log({ ...about, event: 'alarm', outcome: 'bad_environment', reason: deps.failure });
    return undefined;
  }
  const lines = holdLines(deps.value.log);
  const work = Promise.all([
    http.fetch(request, { deps: { ...deps.value, log: lines.log } }),
    isKeyOfPlacedWorker(bindings, deps.value),
  ]);
  const [answer, isKeyPublished] = (await within(platform.sleep, MAX_REPLICA_MS, work)) ?? [];
  if (answer?.status === 429 || (answer?.status === 302 && isKeyPublished === true)) {
    lines.release();
    return answer;
  }
  if (answer === undefined || answer.status === 302 || answer.status >= 500) {
    const why = answer?.status === 302 ? 'signing_key_differs' : lines.reason();
    const reason = answer === undefined ? 'replica_slow' : why;
    deps.value.log({ ...about, event: 'front', outcome: 'handed_over', ...(reason !== undefined && { reason }) });
  }
  return undefined;
};

/**
 * How long an isolate keeps a replica's answer about the key. A key stays in the keyring for an hour after it was
 * current.
 */
const KEY_READ_EVERY_MS = 10_000;
const keyReadAt = new WeakMap<Bindings, number>();

/**
 * Whether the placed Worker signs with the same key for the same client. Read beside the link's own query, and not for
 * each link.
 */
const isKeyOfPlacedWorker = async (bindings: Bindings, deps: Deps): Promise<boolean> => {
  if (deps.now() - (keyReadAt.get(bindings) ?? -Infinity) < KEY_READ_EVERY_MS) return true;
  const isPublished = await isSigningKeyPublished(deps).catch(() => false);
  if (isPublished) keyReadAt.set(bindings, deps.now());
  return isPublished;
};

/**
 * Holds log lines until it is known which Worker answers. If the placed Worker does, it writes its own lines, and these
 * are dropped.
 */
const holdLines = (log: Log) => {
  const held: LogEntry[] = [];
  let write: Log = (entry) => held.push(entry);
  return {
    log: (entry: LogEntry): void => write(entry),
    release: (): void => {
      write = log;
      held.forEach(log);
    },
    /** What the most serious line says. */
    reason: (): string | undefined => {
      const worst = held.find(({ level }) => level === 'error');
      return worst?.reason ?? worst?.outcome;
    },
  };
};
