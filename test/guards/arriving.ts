import type { Guard } from './guard.ts';

const PUSHES = ['test/http/pushes.test.ts'];
const PUSHES_OF_TWO_APPS = ['test/http/pushes-two-apps.test.ts'];
const SUBSCRIPTIONS = ['test/http/subscriptions.test.ts'];
const POLLING = ['test/http/polling.test.ts'];
const STORED_ONCE = ['test/http/storage-once.test.ts'];
const AT_CONNECT = ['test/http/pull-at-connect.test.ts'];

/** Data that arrives: pushes, subscriptions, the pull at connect, and pages that are stored again. */
export const ARRIVING: readonly Guard[] = [
  {
    name: 'the secret of a push',
    threats: ['T67'],
    file: 'src/broker/notify/take-push.ts',
    find: 'WITHINGS_USER_ID.test(withingsUserId) && (await isNotifySecret(deps.keyring, secret, withingsUserId));',
    replace:
      'WITHINGS_USER_ID.test(withingsUserId) && (await isNotifySecret(deps.keyring, secret, withingsUserId)) !== undefined;',
    tests: PUSHES,
  },
  {
    name: 'one row for many pushes',
    threats: ['T67'],
    file: 'src/store/notify/pushes.ts',
    find: 'WHERE claim_id IS NOT NULL OR refreshes < ?4 OR connections_left IS NOT NULL',
    replace: 'WHERE TRUE',
    tests: PUSHES,
  },
  {
    name: 'a push during its sync',
    threats: ['T68'],
    file: 'src/store/notify/pushes.ts',
    find: 'WHERE claim_id IS NOT NULL OR ',
    replace: 'WHERE ',
    tests: PUSHES,
  },
  {
    name: 'a push behind one that is left in part',
    threats: ['T68'],
    file: 'src/store/notify/pushes.ts',
    find: 'OR refreshes < ?4 OR connections_left IS NOT NULL',
    replace: 'OR refreshes < ?4',
    tests: PUSHES_OF_TWO_APPS,
  },
  {
    name: 'a repeated push syncs what failed alone',
    threats: ['T68'],
    file: 'src/store/notify/pushes.ts',
    find: 'AND (w.connections_left IS NULL OR ',
    replace: 'AND (TRUE OR ',
    tests: PUSHES_OF_TWO_APPS,
  },
  {
    name: 'a subscription ends with the last connection alone',
    threats: ['T69'],
    file: 'src/store/notify/subscriptions.ts',
    find: "AND NOT EXISTS (SELECT 1 FROM connections AS c WHERE c.withings_user_id = ${table}.withings_user_id AND c.state <> 'disconnected')",
    replace: '',
    tests: SUBSCRIPTIONS,
  },
  {
    name: 'a list before each subscription',
    file: 'src/broker/notify/look-at-list.ts',
    find: 'missing: deps.settings.notifyApplis.filter((appli) => !has.has(appli)),',
    replace: 'missing: [...deps.settings.notifyApplis],',
    tests: SUBSCRIPTIONS,
  },
  {
    name: 'seconds between two subscriptions of one person',
    file: 'src/broker/notify/keep-subscribed.ts',
    find: 'if (pauseMs > 0) await deps.sleep(pauseMs);',
    replace: '',
    tests: SUBSCRIPTIONS,
  },
  {
    name: 'the pace of the share of subscriptions',
    file: 'src/store/tokens/withings-quota.ts',
    find: 'notify: 1 / 4,',
    replace: 'notify: 1 / 2,',
    tests: ['test/capacity.test.ts'],
  },
  {
    name: 'no storm after a refused callback',
    file: 'src/broker/notify/keep-subscribed.ts',
    find: "await closeQuota(deps.db, 'notify', deps.settings.shares.notify, deps.now() + REFUSED_PAUSE_MS, deps.now());",
    replace: '',
    tests: SUBSCRIPTIONS,
  },
  {
    name: 'a poll a day after the last sync',
    file: 'src/domain/poll.ts',
    find: 'const isAsked = lastSyncAt <= now && now - lastSyncAt < POLL_INTERVAL_MS;',
    replace: 'const isAsked = lastSyncAt <= now;',
    tests: POLLING,
  },
  {
    name: 'a turn that is put off before its poll',
    file: 'src/broker/sync/poll-due.ts',
    find: 'const set = await setNextPolls(deps.db, [toNext(one)]);',
    replace: 'const set = await setNextPolls(deps.db, []);',
    tests: POLLING,
  },
  {
    name: 'requests that polls leave to pushes and apps',
    file: 'src/store/tokens/withings-quota.ts',
    find: 'appId === undefined && yields !== true ? 0 : leftToOthers(ofAll)',
    replace: 'appId === undefined ? 0 : leftToOthers(ofAll)',
    tests: POLLING,
  },
  {
    name: 'no poll for a person without recent data',
    file: 'src/domain/poll.ts',
    find: 'now - dataAt <= DATA_LATELY_MS',
    replace: 'now - dataAt <= 1_000 * DATA_LATELY_MS',
    tests: POLLING,
  },
  {
    name: 'the reminder of the first pull',
    file: 'src/store/link/activation.ts',
    find: "pullAt: reach === 'none' ? null : now + FIRST_PULL_AFTER_MS",
    replace: 'pullAt: null',
    tests: AT_CONNECT,
  },
  {
    name: 'the counts of a pull that was not requested',
    file: 'src/broker/sync/start-sync.ts',
    find: 'last.isUndelivered ? outcome.value',
    replace: '!last.isUndelivered ? outcome.value',
    tests: AT_CONNECT,
  },
  {
    name: 'a recent history that stays partial',
    file: 'src/broker/sync/sync.ts',
    find: 'positionAtStart(start.position, deps.now(), { isAsked, isPushed })',
    replace: 'positionAtStart(start.position, deps.now(), { isAsked: true, isPushed })',
    tests: AT_CONNECT,
  },
  {
    name: 'a page is stored again after an error of D1',
    file: 'src/store/sync/measurements.ts',
    find: '  tryD1Idempotent(db, async () => {',
    replace: '  tryD1Idempotent({ ...db, random: () => [] as never, sleep: () => Promise.reject() }, async () => {',
    tests: STORED_ONCE,
  },
  {
    name: 'a page that is stored again is noted once',
    file: 'src/store/sync/sync-runs.ts',
    find: ".where(and(isHeld(param), eq(connections.syncLeaseUntil, param('until'))))",
    replace: '.where(isHeld(param))',
    tests: STORED_ONCE,
  },
  {
    name: 'a write whose answer was lost is recognized',
    file: 'src/store/sync/sync-runs.ts',
    find: 'AND (last_sync_result = ?2 OR',
    replace: 'AND (last_sync_result <> ?2 OR',
    tests: STORED_ONCE,
  },
];
