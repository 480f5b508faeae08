import type { Guard } from './guard.ts';

const CALLBACK = ['test/http/callback-refused.test.ts'];
const ENDINGS = ['test/http/state-used-again.test.ts', 'test/http/link-endings.test.ts'];
const DOMAIN = 'src/domain/link.ts';
const FINISH = 'src/broker/link/finish-link.ts';
const SIGNED_TOKEN = 'src/crypto/signed-token.ts';

/** How states and other signed tokens are made, and how often one is used. */
export const STATES: readonly Guard[] = [
  {
    name: 'one algorithm signs',
    threats: ['T14'],
    file: SIGNED_TOKEN,
    find: "algorithms: ['HS256'],",
    replace: "algorithms: ['HS256', 'HS384', 'HS512'],",
    tests: CALLBACK,
  },
  {
    name: 'a token has a type',
    threats: ['T14'],
    file: SIGNED_TOKEN,
    find: 'typ: kind.typ,\n        audience',
    replace: 'audience',
    tests: CALLBACK,
  },
  {
    name: 'a token has an audience',
    threats: ['T14'],
    file: SIGNED_TOKEN,
    find: 'audience: kind.audience,\n        currentDate',
    replace: 'currentDate',
    tests: CALLBACK,
  },
  {
    name: 'each kind of token has a key of its own',
    threats: ['T14'],
    file: SIGNED_TOKEN,
    find: 'await ring.derive(kid, kind.purpose)',
    replace:
      "(await Promise.any((['sign-state', 'sign-connect-session', 'sign-user-token'] as const).map(async (purpose) => { const key = await ring.derive(kid, purpose); await jwtVerify(token, key!, { currentDate: new Date(now) }); return key; })).catch(() => undefined))",
    tests: CALLBACK,
  },
  {
    name: 'a token from the future is not ours',
    threats: ['T14'],
    file: SIGNED_TOKEN,
    find: 'payload.iat > toSeconds(now) + CLOCK_SKEW_SECONDS',
    replace: 'false',
    tests: CALLBACK,
  },
  {
    name: 'a state expires',
    threats: ['T14'],
    file: SIGNED_TOKEN,
    find: 'currentDate: new Date(now),',
    replace: 'currentDate: new Date(now - 86_400_000),',
    tests: CALLBACK,
  },
  {
    name: 'one callback wins a state',
    threats: ['T15'],
    file: 'src/store/link/claims.ts',
    find: 'won: hasRow(claimed),',
    replace: 'won: true,',
    tests: ENDINGS,
  },
  {
    name: 'the record of a link is sealed to its state',
    threats: ['T16'],
    file: 'src/crypto/seal.ts',
    find: 'aad: base64urlOf(JSON.stringify(place)),',
    replace: "aad: base64urlOf(JSON.stringify(purpose === 'seal-link' ? [] : place)),",
    tests: ['test/http/storage-failing.test.ts'],
  },
  {
    name: 'the app of a link is the one in its state',
    threats: ['T23'],
    file: FINISH,
    find: 'const user = { appId: state.app, userId: record.user };',
    replace:
      "const user = { appId: (await deps.db.d1.prepare('SELECT id FROM apps ORDER BY created_at LIMIT 1').first<string>('id')) ?? '', userId: record.user };",
    tests: ENDINGS,
  },
  {
    name: 'a used connect session is remembered past every state made from it',
    threats: ['T54'],
    file: DOMAIN,
    find: 'sessionExpiresAt + STATE_LIFETIME_MS + CLOCKS_APART_MS;',
    replace: 'sessionExpiresAt;',
    tests: ['test/http/single-use.test.ts'],
  },
  {
    name: 'a mark outlives clocks that are apart',
    threats: ['T54'],
    file: DOMAIN,
    find: 'const CLOCKS_APART_MS = HOUR_MS;',
    replace: 'const CLOCKS_APART_MS = 0;',
    tests: ['test/http/single-use.test.ts'],
  },
  {
    name: 'an id is used once, whatever time is written beside it',
    threats: ['T54'],
    file: 'migrations/0010_claims_by_id.sql',
    find: 'CREATE UNIQUE INDEX',
    replace: 'CREATE INDEX',
    tests: ['test/http/single-use.test.ts'],
  },
  {
    name: 'a session is given back by nobody but who won it and made nothing of it',
    threats: ['T54'],
    file: 'src/broker/link/claim-link.ts',
    find: 'reason === QUOTA_USED && session',
    replace: 'session',
    tests: ['test/http/single-use.test.ts'],
  },
  {
    name: 'a claim whose answer was lost is recognized by its own id, and by no other',
    threats: ['T15'],
    file: 'src/store/link/claims.ts',
    find: 'WHERE claims.claimant = excluded.claimant\n',
    replace: 'WHERE TRUE\n',
    tests: ENDINGS,
  },
  {
    name: 'a callback that is late uses up no session and no request',
    threats: ['T54'],
    file: 'src/store/link/claims.ts',
    find: 'WHERE changes() > 0',
    replace: 'WHERE TRUE',
    tests: ['test/http/single-use.test.ts', 'test/http/link-quota.test.ts'],
  },
];
