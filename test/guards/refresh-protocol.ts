import type { Guard } from './guard.ts';

const REFRESH = 'src/broker/tokens/refresh.ts';
const TOKENS = 'src/store/tokens/tokens.ts';
const TESTS = [
  'test/broker/refresh-rules.test.ts',
  'test/store/activation.test.ts',
  'test/interleavings/refresh.test.ts',
  'test/broker/refresh-crash.test.ts',
];

/** What keeps a refresh token from being lost, or used twice. */
export const REFRESH_PROTOCOL: readonly Guard[] = [
  {
    name: 'the lease',
    threats: ['T31'],
    file: TOKENS,
    find: ".where(and(eq(connections.id, param('connectionId')), eq(connections.state, 'active'), leaseIsFree(param)))",
    replace: ".where(and(eq(connections.id, param('connectionId')), eq(connections.state, 'active')))",
    tests: TESTS,
  },
  {
    name: 'the version that a write names',
    threats: ['T33'],
    file: TOKENS,
    find: "eq(connections.refreshLeaseId, param('id')),\n    eq(connections.tokenVersion, param('tokenVersion')),",
    replace: "eq(connections.refreshLeaseId, param('id')),",
    tests: TESTS,
  },
  {
    name: 'the lease that a write names',
    file: TOKENS,
    find: "eq(connections.refreshLeaseId, param('id')),\n    eq(",
    replace: 'eq(',
    tests: TESTS,
  },
  {
    name: 'due again at the end of the lease',
    file: TOKENS,
    find: "nextRefreshAt: param('until'),",
    replace: "nextRefreshAt: sql`${param('until')} + 45 * 86400000`,",
    tests: TESTS,
  },
  {
    name: 'store before use',
    threats: ['T32'],
    file: REFRESH,
    find: "if (!stored.ok) return { kind: 'failed', failure: stored.failure, reach: 'perhaps_all' };",
    replace: '',
    tests: TESTS,
  },
  {
    name: 'the previous refresh token is kept',
    threats: ['T32'],
    file: REFRESH,
    find: 'previousRefreshTokenSealed: usedRefreshTokenSealed,',
    replace: 'previousRefreshTokenSealed: null,',
    tests: TESTS,
  },
  {
    name: '601 is transient',
    file: REFRESH,
    find: "if (answer.failure.kind !== 'refresh_token_rejected')",
    replace: "if (answer.failure.kind !== 'refresh_token_rejected' && answer.failure.kind !== 'throttled')",
    tests: TESTS,
  },
  {
    name: 'suspicion: the client proves itself before anybody is condemned',
    file: REFRESH,
    find: 'if (!proof.ok && !isBeyondProof(run, proof.failure)) return onFailure(deps, run, proof.failure);',
    replace: '',
    tests: TESTS,
  },
  {
    name: 'nothing is sent that the lease does not carry',
    file: REFRESH,
    find: 'if (granted.ok && mayStillSend(lease.until, deps.now())) return granted;',
    replace: 'if (granted.ok) return granted;',
    tests: TESTS,
  },
  {
    name: 'a refresh after a doubt is confirmed',
    file: 'src/domain/refresh.ts',
    find: 'wasInDoubt === true ?',
    replace: 'wasInDoubt === null ?',
    tests: TESTS,
  },
  {
    name: 'what is in doubt goes first',
    file: TOKENS,
    find: '${dueIn(sql`in_doubt_since IS NOT NULL`)} UNION ALL ${dueIn(sql`in_doubt_since IS NULL`)}',
    replace: '${dueIn(sql`in_doubt_since IS NULL`)} UNION ALL ${dueIn(sql`in_doubt_since IS NOT NULL`)}',
    tests: TESTS,
  },
  {
    name: 'who condemns names the lease',
    file: TOKENS,
    find: "sql`${connections.refreshLeaseId} IS coalesce(${param('leaseId')}, ${connections.refreshLeaseId})`,",
    replace: '',
    tests: TESTS,
  },
  {
    name: 'an activation whose answer was lost is recognised',
    file: 'src/store/link/activation.ts',
    find: 'return row?.rotationId === rotationId;',
    replace: 'return false;',
    tests: TESTS,
  },
  {
    name: 'a refresh outlives its client',
    file: 'src/broker/tokens/access-token.ts',
    find: 'deps.waitUntil(work.catch(() => undefined));',
    replace: '',
    tests: TESTS,
  },
  {
    name: 'a dead Withings is left alone',
    file: 'src/broker/tokens/refresh-due.ts',
    find: 'if (pauseMs > 0) await closeQuota(',
    replace: 'if (pauseMs < 0) await closeQuota(',
    tests: TESTS,
  },
  {
    name: 'the doubts of a disabled app are settled',
    file: 'src/broker/tokens/refresh-due.ts',
    find: 'tokens.appDisabled && !wasInDoubt(tokens, lease)',
    replace: 'tokens.appDisabled',
    tests: TESTS,
  },
];
