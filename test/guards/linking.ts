import type { Guard } from './guard.ts';

const WHO_MAY_LINK = ['test/http/who-may-link.test.ts'];
const CALLBACK = ['test/http/callback-refused.test.ts'];
const ENDINGS = ['test/http/state-used-again.test.ts', 'test/http/link-endings.test.ts'];
const DOMAIN = 'src/domain/link.ts';
const FINISH = 'src/broker/link/finish-link.ts';
const ACTIVATION = 'src/store/link/activation.ts';

/** Who may link whom. */
export const LINKING: readonly Guard[] = [
  {
    name: 'a pending connection is confirmed for the user it was made for',
    threats: ['T1', 'T10'],
    file: 'src/broker/link/confirm-link.ts',
    find: "if (found.value.userId !== userId) return fail({ kind: 'wrong_user' });",
    replace: '',
    tests: WHO_MAY_LINK,
  },
  {
    name: 'under confirm every link waits',
    threats: ['T1', 'T3'],
    file: DOMAIN,
    find: "if (link.policy === 'confirm') return { kind: 'hold', connectionId: same?.id };",
    replace: '',
    tests: WHO_MAY_LINK,
  },
  {
    name: 'under session only the backend makes links',
    threats: ['T1'],
    file: 'src/broker/link/start-link.ts',
    find: "if (target.linkPolicy === 'session' && session === undefined) return fail({ kind: 'session_required' });",
    replace: '',
    tests: WHO_MAY_LINK,
  },
  {
    name: 'a session link in another browser waits',
    threats: ['T2', 'T13'],
    file: DOMAIN,
    find: 'return link.sameBrowser\n',
    replace: 'return true\n',
    tests: WHO_MAY_LINK,
  },
  {
    name: 'a browser without the cookie is another browser',
    threats: ['T2', 'T13'],
    file: FINISH,
    find: 'binding !== undefined && constantTimeEqual(',
    replace: 'binding === undefined || constantTimeEqual(',
    tests: WHO_MAY_LINK,
  },
  {
    name: 'an open link replaces no live connection',
    threats: ['T3'],
    file: DOMAIN,
    find: "if (holdsThePlace) return { kind: 'refuse', error: 'already_connected' };",
    replace: 'if (holdsThePlace) return { kind: "activate", connectionId: same?.id, mayReplace: true };',
    tests: WHO_MAY_LINK,
  },
  {
    name: 'the statement itself replaces no live connection',
    threats: ['T3'],
    file: ACTIVATION,
    find: "or(sql`${param('mayReplace')}`, eq(connections.state, 'disconnected'), eq(connections.isDemo, true)),",
    replace: '',
    tests: ['test/interleavings/linking.test.ts', 'test/store/activation.test.ts'],
  },
  {
    name: 'a disabled app ends a link under way',
    threats: ['T26'],
    file: FINISH,
    find: 'if (target === undefined || entry === undefined || target.disabledAt !== undefined) {',
    replace: 'if (target === undefined || entry === undefined) {',
    tests: CALLBACK,
  },
  {
    name: 'a ticket is for its own app',
    threats: ['T10'],
    file: 'src/store/link/pending-connections.ts',
    find: 'and(eq(pendingConnections.appId, appId), gt(pendingConnections.expiresAt, now))',
    replace: 'and(gt(pendingConnections.expiresAt, now))',
    tests: WHO_MAY_LINK,
  },
  {
    name: 'the statement itself refuses an account that is in use',
    threats: ['T25'],
    file: ACTIVATION,
    find: 'or(isAppGone(param), isTakenByAnother(param), isTicketSpent(param))',
    replace: 'or(isAppGone(param), isTicketSpent(param))',
    tests: ['test/interleavings/linking.test.ts'],
  },
  {
    name: 'an account that is in use is refused where the app says so',
    threats: ['T25'],
    file: DOMAIN,
    find: "if (link.othersOnAccount === 'refused') return { kind: 'refuse', error: 'account_in_use' };",
    replace: '',
    tests: WHO_MAY_LINK,
  },
  {
    name: 'no pending connection pushes out another',
    threats: ['T56'],
    file: 'src/store/link/pending-connections.ts',
    find: 'await db.d1.batch([added, ...alongside]);',
    replace:
      "await db.d1.batch([added, db.d1.prepare('DELETE FROM pending_connections WHERE ticket_hash IN (SELECT ticket_hash FROM pending_connections WHERE app_id = ?1 AND user_id = ?2 ORDER BY created_at DESC LIMIT -1 OFFSET 5)').bind(pending.appId, pending.userId), ...alongside]);",
    tests: WHO_MAY_LINK,
  },
  {
    name: 'the demo account replaces no person’s connection',
    threats: ['T72'],
    file: DOMAIN,
    find: "if (holdsThePlace && link.isDemo) return { kind: 'refuse', error: 'already_connected' };",
    replace: '',
    tests: ['test/http/demo-account-replaced.test.ts'],
  },
  {
    name: 'nor does its confirmation',
    threats: ['T72'],
    file: 'src/broker/link/confirm-link.ts',
    find: "if (isDemo && isPlaceTaken(known.value.known, withingsUserId)) return fail({ kind: 'already_connected' });",
    replace: '',
    tests: ['test/http/demo-account-replaced.test.ts'],
  },
  {
    name: 'the demo account is not revoked',
    threats: ['T72'],
    file: 'src/store/users/erasure.ts',
    find: '.filter(({ isDemo }) => !isDemo)',
    replace: '',
    tests: ['test/http/demo-account.test.ts'],
  },
  {
    name: 'a link outlives its browser',
    threats: ['T57'],
    file: FINISH,
    find: 'deps.waitUntil(work.catch(() => undefined));',
    replace: '',
    tests: ENDINGS,
  },
  {
    name: 'a doubled callback without its ticket is no success',
    threats: ['T57'],
    file: FINISH,
    find: "if (outcome.value === 'pending') return 'ticket_already_sent';",
    replace: "if (outcome.value === 'pending') return 'pending';",
    tests: ENDINGS,
  },
];
