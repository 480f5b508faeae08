import { isCronLate, isCronSilent } from '../../domain/alarm.ts';
import { type EpochMs, SECOND_MS } from '../../domain/time.ts';
import { WANTED_MIGRATION } from '../../store/migrations.ts';
import { type HealthSnapshot, healthSnapshot } from '../../store/operator/work-due.ts';
import { latestEmptyAt } from '../../store/tokens/withings-quota.ts';
import type { BrokerSettings, Deps } from '../deps.ts';
import { missingKeyIds } from '../tokens/reseal.ts';
import { alarmStateOf, describeLag, describeSilence, reconcileAlarms } from './alarms.ts';

/** What is looked at. `unknown` is what could not be looked at because the database does not answer. */
export type HealthCheck = 'database' | 'migrations' | 'links' | 'keyring' | 'cron';
export type Health = Record<HealthCheck, 'ok' | 'failing' | 'unknown'>;

/** Without these nothing can be answered; without the others the broker goes on, worse. */
export const isServing = ({ database, migrations }: Health): boolean => database === 'ok' && migrations === 'ok';

/** How long a look is good for: anybody may ask, and as often as they like. */
const GOOD_FOR_MS = 10 * SECOND_MS;

/** Who asks while another request looks waits for its result, this long at most: then that request has died. */
const LOOK_MS = 5 * SECOND_MS;
const POLL_MS = 50;

/**
 * Of this isolate, by its settings: the last look, and since when a request is looking. Plain data, safe to share between requests: a
 * promise of one request would hang in another.
 */
type Looks = { last?: { at: EpochMs; health: Health } | undefined; since?: EpochMs | undefined };
const looksOf = new WeakMap<BrokerSettings, Looks>();

/**
 * Checks the broker for a public request: one round trip to D1 and one read of KV, at most every ten seconds in an isolate.
 * Says what is well and what is not, and nothing of why. A cron that has stopped is noticed only here, so its alarm is raised here.
 */
export const checkHealth = async (deps: Deps): Promise<Health> => {
  const looks = looksOf.get(deps.settings) ?? {};
  looksOf.set(deps.settings, looks);
  for (;;) {
    const { last, since } = looks;
    if (last !== undefined && deps.now() - last.at < GOOD_FOR_MS) return last.health;
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

/** A database without its tables is refused as a mistake of ours, and is one more thing to find out here. */
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
