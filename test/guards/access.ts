import type { Guard } from './guard.ts';

const AUTHENTICATE = 'src/broker/access/authenticate.ts';
const KEYS = 'src/store/access/key-lookup.ts';
const USER_TOKEN_QUERIES = 'src/store/access/user-tokens.ts';
const TOKENS = 'src/store/access/token-holders.ts';
const REFUSED = 'test/http/metrics-refused.test.ts';
const ERASE = ['test/http/erase.test.ts', 'test/http/delete-app.test.ts'];
const USER_TOKENS = ['test/http/user-tokens.test.ts'];

/** Who may do what, and until when. */
export const ACCESS: readonly Guard[] = [
  {
    name: 'an account that somebody else is connected by is not revoked',
    threats: ['T21'],
    file: 'src/store/users/erasure.ts',
    find: 'return new Set(results.map(({ id }) => id));',
    replace: 'return new Set<string>();',
    tests: ERASE,
  },
  {
    name: 'a key is for its own app',
    threats: ['T24'],
    file: KEYS,
    find: "  WHEN ${apps.id} <> ${param('appId')} THEN 'app_not_found'\n",
    replace: '',
    tests: ['test/http/requests-refused.test.ts', 'test/http/credentials.test.ts'],
  },
  {
    name: 'a developer manages their own apps',
    threats: ['T24', 'T37'],
    file: 'src/broker/access/admit-manager.ts',
    find: 'app !== undefined && mayManage(manager, app) ?',
    replace: 'app !== undefined ?',
    tests: ['test/http/ownership.test.ts'],
  },
  {
    name: 'for a disabled app nothing flows, whoever asks',
    threats: ['T26'],
    file: AUTHENTICATE,
    find: "return isAppRefused ? fail({ kind: 'app_disabled' }) : ok(",
    replace: 'return ok(',
    tests: ['test/http/requests-refused.test.ts', ...ERASE],
  },
  {
    name: 'the cron goes on with no sync of a disabled app',
    threats: ['T26'],
    file: 'src/broker/sync/resume-syncs.ts',
    find: 'if (appDisabled) {',
    replace: 'if (appDisabled === null) {',
    tests: ERASE,
  },
  {
    name: 'a revoked token does nothing',
    threats: ['T37'],
    file: TOKENS,
    find: '(${accessTokens.revokedAt} IS NOT NULL',
    replace: '(FALSE',
    tests: ['test/http/accounts.test.ts', REFUSED],
  },
  {
    name: 'a developer reads the users of their own apps',
    threats: ['T24', 'T37'],
    file: TOKENS,
    find: "  WHEN ${apps.accountId} IS NOT ${accounts.id} THEN 'app_not_found'\n",
    replace: '',
    tests: [REFUSED],
  },
  {
    name: 'who is refused by an access token reads no body data',
    threats: ['T37'],
    file: TOKENS,
    find: 'sql`${refusalOfToken(param)} IS NULL`',
    replace: 'sql`TRUE`',
    tests: [REFUSED],
  },
  {
    name: 'of a disabled app the operator reads no body data',
    threats: ['T26'],
    file: KEYS,
    find: 'sql`${refusalOfUser(param)} IS NULL`',
    replace: 'sql`TRUE`',
    tests: [REFUSED],
  },
  {
    name: 'who is refused by a key reads no body data',
    threats: ['T24'],
    file: KEYS,
    find: 'sql`${refusalOfKey(param)} IS NULL`',
    replace: 'sql`TRUE`',
    tests: [REFUSED],
  },
  {
    name: 'who is refused by a user token reads no body data',
    threats: ['T62'],
    file: USER_TOKEN_QUERIES,
    find: 'sql`${refusalOfUserToken(param)} IS NULL`',
    replace: 'sql`TRUE`',
    tests: [REFUSED],
  },
  {
    name: 'a user token ends with what minted it',
    threats: ['T62'],
    file: USER_TOKEN_QUERIES,
    find: "  WHEN ${isMinterGone(param)} THEN 'credential_invalid'\n",
    replace: '',
    tests: USER_TOKENS,
  },
  {
    name: 'a user token ends with the data of its user',
    threats: ['T62'],
    file: USER_TOKEN_QUERIES,
    find: "AND e.epoch IS NOT ${param('epoch')})",
    replace: 'AND FALSE)',
    tests: USER_TOKENS,
  },
  {
    name: 'a connect session ends with what minted it',
    threats: ['T62'],
    file: 'src/broker/link/finish-link.ts',
    find: "if (target.isMinterGone) return { ending: 'link_not_allowed', reason: 'session_key_revoked' };",
    replace: '',
    tests: USER_TOKENS,
  },
  {
    name: 'the cron looks for data whose connection is gone',
    threats: ['T63'],
    file: 'src/cron.ts',
    find: 'if (isCleanupDue(now))',
    replace: 'if (Number.isNaN(now) && isCleanupDue(now))',
    tests: ERASE,
  },
  {
    name: 'an erasure deletes what endpoints quoted',
    threats: ['T63'],
    file: 'src/broker/users/erase-user.ts',
    find: 'forgetAnswersStatement(deps.db, appId, deps.now()),',
    replace: '',
    tests: ['test/http/webhooks-erased.test.ts'],
  },
  {
    name: 'events expire without endpoints',
    threats: ['T63'],
    file: 'src/broker/operator/sweep.ts',
    find: "await sweepEvents(deps.db, mintId('app', deps.random), now);",
    replace: '',
    tests: ['test/http/webhooks-erased.test.ts'],
  },
];
