import type { Guard } from './guard.ts';

const WITHDRAW = ['test/http/withdraw.test.ts', 'test/http/erase.test.ts'];

/** What happens at Withings when a person leaves. */
export const LEAVING: readonly Guard[] = [
  {
    name: 'a second look after the nonce',
    threats: ['T70'],
    file: 'src/broker/users/revoke-unused.ts',
    find: 'isKept = !inUse.ok || inUse.value.size > 0;',
    replace: '',
    tests: WITHDRAW,
  },
  {
    name: 'the end of an authorization that no connection needs',
    threats: ['T70'],
    file: 'src/broker/users/withdraw.ts',
    find: 'if (!disconnected.ok) return disconnected;\n  const revoked = await revokeUnused(deps, holdings.value.withingsUserIds);',
    replace: 'if (!disconnected.ok) return disconnected;\n  const revoked = await revokeUnused(deps, []);',
    tests: WITHDRAW,
  },
];
