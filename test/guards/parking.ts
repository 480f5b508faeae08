import type { Guard } from './guard.ts';

const STORE_PAIR = 'src/broker/tokens/store-pair.ts';
const PARKED = 'src/broker/tokens/parked-pair.ts';
const PARKING_TESTS = ['test/broker/refresh-parking.test.ts', 'test/broker/parked-pair.test.ts'];

/** What keeps a pair that D1 does not take, and keeps it from anybody else. */
export const PARKING: readonly Guard[] = [
  {
    name: 'parking: KV keeps the pair that D1 does not take',
    threats: ['T32'],
    file: STORE_PAIR,
    find: 'if (stored?.ok !== true) await park(deps, run, pair);',
    replace: '',
    tests: PARKING_TESTS,
  },
  {
    name: 'parking: who refreshes what is in doubt looks there first',
    threats: ['T32'],
    file: 'src/broker/tokens/refresh.ts',
    find: 'await recover(deps, run)',
    replace: 'undefined',
    tests: PARKING_TESTS,
  },
  {
    name: 'parking: a pair is sealed to its connection, version and account',
    threats: ['T28', 'T64'],
    file: PARKED,
    find: '  String(tokenVersion),\n  withingsUserId,\n',
    replace: '',
    tests: PARKING_TESTS,
  },
  {
    name: 'parking: the version is in the name of the key',
    threats: ['T33'],
    file: 'src/store/tokens/parked.ts',
    find: '`parked:${connectionId}:${tokenVersion}`',
    replace: '`parked:${connectionId}`',
    tests: PARKING_TESTS,
  },
  {
    name: 'parking: nothing is sent while KV does not answer and the token before may be dead',
    threats: ['T32'],
    file: STORE_PAIR,
    find: 'isOldTokenAccepted(since, deps.now()) ? undefined : postpone(deps, run)',
    replace: 'undefined',
    tests: PARKING_TESTS,
  },
  {
    name: 'parking: who comes late takes no newer pair away',
    threats: ['T32'],
    file: PARKED,
    find: 'if (other.ok && other.value !== undefined) return true;',
    replace: '',
    tests: PARKING_TESTS,
  },
  {
    name: 'parking: a disconnect deletes the pair',
    threats: ['T33'],
    file: 'src/broker/users/connection-state.ts',
    find: 'for (const place of done.value) forgetParked(deps, place);',
    replace: '',
    tests: PARKING_TESTS,
  },
];
