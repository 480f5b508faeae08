import type { Read, Written } from './contract.ts';
import { type Answer, appPath, type Broker, send } from './send.ts';

/** Linking users, and their connections. */

/**
 * The URL to open in the user's browser. Anyone who has it can open it. If that matters, let the backend create the
 * link with `createConnectSession`.
 */
export const linkUrl = (
  { url }: Pick<Broker, 'url'>,
  appId: string,
  { userId, redirectUri, state, account }: { userId: string; redirectUri: string; state?: string; account?: 'switch' },
): string => {
  const link = new URL(appPath(appId, 'withings', 'auth'), url);
  link.searchParams.set('user_id', userId);
  link.searchParams.set('redirect_uri', redirectUri);
  if (state !== undefined) link.searchParams.set('state', state);
  if (account !== undefined) link.searchParams.set('account', account);
  return link.href;
};

/** Creates a single-use link for one user. Backends only. */
export const createConnectSession = (
  broker: Broker,
  appId: string,
  body: Written<'connectSessionRequest'>,
): Promise<Answer<Read<'connectSession'>>> =>
  send(broker, 'POST', appPath(appId, 'withings', 'connect-sessions'), { body });

/** Confirms a pending connection with the ticket from the redirect. Backends only. */
export const confirmLink = (
  broker: Broker,
  appId: string,
  body: Written<'confirmRequest'>,
): Promise<Answer<Read<'status'>>> => send(broker, 'POST', appPath(appId, 'withings', 'confirm'), { body });

/** Creates a token for one user's phone or page. Backends only. */
export const createUserToken = (
  broker: Broker,
  appId: string,
  body: Written<'userTokenRequest'>,
): Promise<Answer<Read<'userToken'>>> => send(broker, 'POST', appPath(appId, 'withings', 'user-tokens'), { body });

/** Pulls what is new. With status 202 and `complete: false` there is more to pull: call again, as `syncAll` does. */
export const sync = (broker: Broker, appId: string, userId: string): Promise<Answer<Read<'syncResult'>>> =>
  send(broker, 'POST', appPath(appId, 'withings', 'sync', userId));

/** How often nothing new may come in a row before `syncAll` ends: a slice may have had to wait for Withings. */
const MAX_IDLE_CALLS = 3;
/** A longer pause is the caller's to take. */
const MAX_PAUSE_SECONDS = 60;
const IDLE_PAUSE_SECONDS = 2;
const SECOND_MS = 1_000;
const COUNTS = ['added', 'changed', 'removed', 'skipped'] as const;

export type SyncAllOptions = {
  /** Called after each answer, with the counts so far. */
  onProgress?: ((soFar: Read<'syncResult'>) => void) | undefined;
  /** Ends it after the call under way, or at once in a pause. */
  signal?: AbortSignal | undefined;
};

/**
 * Syncs until everything is stored: calls `sync` again while a long history is read, and waits if the broker asks for
 * it. The newest measurements are stored after the first call, and `onProgress` can show them. If nothing new comes any
 * more it ends with `complete: false`, and the broker continues by itself.
 *
 * @returns the last answer, with the sum of all counts; or the failure that ended it, such as `reauth_required`
 */
export const syncAll = async (
  broker: Broker,
  appId: string,
  userId: string,
  { onProgress, signal }: SyncAllOptions = {},
): Promise<Answer<Read<'syncResult'>>> => {
  const total = { added: 0, changed: 0, removed: 0, skipped: 0 };
  let reached: string | null | undefined;
  for (let idle = 0; ;) {
    const answer = await sync(broker, appId, userId);
    let ending = answer;
    let pauseSeconds: number | undefined;
    if (answer.ok) {
      const { value } = answer;
      const isNews = value.added + value.changed + value.removed > 0 || value.history_complete_from !== reached;
      for (const name of COUNTS) total[name] += value[name];
      idle = isNews ? 0 : idle + 1;
      reached = value.history_complete_from;
      ending = { ...answer, value: { ...value, ...total } };
      onProgress?.(ending.value);
      pauseSeconds = value.complete ? undefined : IDLE_PAUSE_SECONDS * idle;
    } else {
      idle += 1;
      if (answer.failure.kind === 'problem') pauseSeconds = answer.failure.retryAfterSeconds;
    }
    const isOver = idle >= MAX_IDLE_CALLS || signal?.aborted === true;
    if (pauseSeconds === undefined || pauseSeconds > MAX_PAUSE_SECONDS || isOver) return ending;
    if (await isEndedIn(pauseSeconds * SECOND_MS, signal)) return ending;
  }
};

/** Pauses. True, and at once, if the signal ends it. */
const isEndedIn = (milliseconds: number, signal: AbortSignal | undefined): Promise<boolean> =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve(signal?.aborted === true);
    };
    const timer = setTimeout(end, milliseconds);
    signal?.addEventListener('abort', end);
  });

export const getStatus = (broker: Broker, appId: string, userId: string): Promise<Answer<Read<'status'>>> =>
  send(broker, 'GET', appPath(appId, 'withings', 'status', userId));

/**
 * Deletes the user's tokens; measurements stay. With `withdraw: 'true'` it also ends the authorization at Withings,
 * unless another connection needs it, and the answer's `withings` says what became of it.
 */
export const disconnect = (
  broker: Broker,
  appId: string,
  userId: string,
  query: Written<'disconnectQuery'> = {},
): Promise<Answer<Read<'disconnected'>>> =>
  send(broker, 'DELETE', appPath(appId, 'withings', 'disconnect', userId), { query });

/** A page of the app's users, with the app's key (scope `read`) or an access token. */
export const listConnections = (
  broker: Broker,
  appId: string,
  query: Written<'connectionListQuery'> = {},
): Promise<Answer<Read<'connectionList'>>> => send(broker, 'GET', appPath(appId, 'withings', 'connections'), { query });

/** The user's connection: state, scopes, last sync, last failure. */
export const getConnection = (broker: Broker, appId: string, userId: string): Promise<Answer<Read<'connection'>>> =>
  send(broker, 'GET', appPath(appId, 'withings', 'connections', userId));

/** A page of everything that is stored about a user. */
export const exportUser = (
  broker: Broker,
  appId: string,
  userId: string,
  query: Written<'exportQuery'> = {},
): Promise<Answer<Read<'userExport'>>> => send(broker, 'GET', appPath(appId, 'users', userId, 'export'), { query });

/** Erases a user. With status 202 and `complete: false` there is more to remove: call again. */
export const eraseUser = (broker: Broker, appId: string, userId: string): Promise<Answer<Read<'erasure'>>> =>
  send(broker, 'DELETE', appPath(appId, 'users', userId));
