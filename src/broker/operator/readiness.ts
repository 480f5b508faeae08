import { isCronLate, isCronSilent } from '../../domain/alarm.ts';
import { type EpochMs, MINUTE_MS, SECOND_MS } from '../../domain/time.ts';
import { WANTED_MIGRATION } from '../../store/operator/migrations.ts';
import { type HealthSnapshot, healthSnapshot } from '../../store/operator/work-due.ts';
import { latestEmptyAt } from '../../store/tokens/withings-quota.ts';
import type { BrokerSettings, Deps } from '../deps.ts';
import { missingKeyIds } from '../tokens/reseal.ts';
import { alarmStateOf, describeLag, describeSilence, reconcileAlarms } from './alarms.ts';

/** The checks. `unknown` if the database does not answer, so the check could not run. */
export type HealthCheck = 'database' | 'migrations' | 'links' | 'keyring' | 'cron';
export type Health = Record<HealthCheck, 'ok' | 'failing' | 'unknown'>;

/** Without these no request can be answered. Other failing checks degrade service; they do not make it unavailable. */
export const isServing = ({ database, migrations }: Health): boolean => database === 'ok' && migrations === 'ok';

/** How long a result is reused: any caller may ask, as often as they like. */
export const HEALTH_GOOD_FOR_MS = 10 * SECOND_MS;

/** How long a request waits for the result of another. After that the other request has died. */
const LOOK_MS = 5 * SECOND_MS;
const POLL_MS = 50;

/**
 * Kept in this isolate, by settings: the last result, and since when a request is checking. Plain data is safe to share
 * between requests; a promise of one request would hang in another.
 */
type Looks = { last?: { at: EpochMs; health: Health } | undefined; since?: EpochMs | undefined };
const looksOf = new WeakMap<BrokerSettings, Looks>();

/**
 * Checks the broker for a public request: one round trip to D1 and one read of KV, at most every ten seconds in an
 * isolate. Says what works and what does not, but not why. Raises the alarm of a stopped cron.
 */
export const checkHealth = async (deps: Deps): Promise<Health> => {
  const looks = looksOf.get(deps.settings) ?? {};
  looksOf.set(deps.settings, looks);
  for (;;) {
    const { last, since } = looks;
    if (last !== undefined && deps.now() - last.at < HEALTH_GOOD_FOR_MS) return last.health;
    if (since === undefined || deps.now() - since >= LOOK_MS) break;
    await deps.sleep(POLL_MS);
  }
  looks.since = deps.now();
  const [read, links] = await Promise.all([readVitals(deps), areLinksRead(deps)]);
  const health: Health = { ...assess(deps, read), links: links ? 'ok' : 'failing' };
  looks.last = { at: deps.now(), health };
  looks.since = undefined;
  return health;
};

/** How often an isolate that serves requests checks the cron. */
const CRON_LOOKED_AT_MS = 2 * MINUTE_MS;
const cronLookedAt = new WeakMap<BrokerSettings, EpochMs>();

/**
 * Checks after a request whether the cron has stopped, and raises its alarm. One round trip every two minutes of an
 * isolate, and none at its first request. The cron cannot notice this itself, and there may be no monitor on
 * `/healthz`.
 */
export const noticeLateCron = async (deps: Deps): Promise<void> => {
  const lookedAt = cronLookedAt.get(deps.settings);
  if (lookedAt !== undefined && deps.now() - lookedAt < CRON_LOOKED_AT_MS) return;
  cronLookedAt.set(deps.settings, deps.now());
  if (lookedAt !== undefined) assess(deps, await readVitals(deps));
};

/** A database without its tables is a programming error elsewhere; here it is one of the things to find. */
const readVitals = async ({ db, now }: Deps): Promise<HealthSnapshot | 'unanswered' | 'unmigrated'> => {
  try {
    const read = await healthSnapshot(db, now());
    return read.ok ? read.value : 'unanswered';
  } catch {
    return 'unmigrated';
  }
};

const areLinksRead = async ({ links }: Deps): Promise<boolean> =>
  links.get('healthz').then(
    () => true,
    () => false,
  );

const assess = (deps: Deps, read: HealthSnapshot | 'unanswered' | 'unmigrated'): Omit<Health, 'links'> => {
  const unknown = { migrations: 'unknown', keyring: 'unknown', cron: 'unknown' } as const;
  if (read === 'unanswered') return { ...unknown, database: 'failing' };
  if (read === 'unmigrated') return { ...unknown, database: 'ok', migrations: 'failing' };
  const now = deps.now();
  const lagMs = read.oldestDueAt === undefined ? 0 : now - read.oldestDueAt;
  const isPaused = (read.shareEmptyAt ?? 0) > latestEmptyAt('cron', deps.settings.shares.cron, now);
  const noted = alarmStateOf(read.alarms);
  const isSilent = isCronSilent(noted, now);
  const isLate = isSilent || (!isPaused && isCronLate(noted, lagMs, now));
  const why = isSilent ? describeSilence(noted.tickAt ?? now, now) : describeLag(lagMs);
  deps.waitUntil(reconcileAlarms(deps, read.alarms, { cron_late: isLate && why }));
  return {
    database: 'ok',
    migrations: (read.appliedMigration ?? '') >= WANTED_MIGRATION ? 'ok' : 'failing',
    keyring: missingKeyIds(deps, read.keyring).length === 0 ? 'ok' : 'failing',
    cron: isLate ? 'failing' : 'ok',
  };
};
