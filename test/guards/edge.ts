import type { Guard } from './guard.ts';

const EDGE = ['test/http/edge.test.ts'];
const TWO_WORKERS = ['test/http/edge-two-workers.test.ts'];
const DEPLOYING = ['test/deploy/edge.test.ts'];

/**
 * What a front may decide by a read replica, which may be behind; and that it comes and goes without a lost request.
 */
export const AT_THE_EDGE: readonly Guard[] = [
  {
    name: 'a replica refuses nothing',
    threats: ['T71'],
    file: 'src/edge.ts',
    find: 'if (answer?.status === 429 || (answer?.status === 302 && isKeyPublished === true)) {',
    replace: 'if (answer !== undefined) {',
    tests: EDGE,
  },
  {
    name: 'a replica is asked to start a link, and nothing else',
    threats: ['T71'],
    file: 'src/edge.ts',
    find: 'startsLink(request) ?',
    replace: 'request.method === "GET" ?',
    tests: TWO_WORKERS,
  },
  {
    name: 'the front copies what Cloudflare says of the caller',
    threats: ['T51'],
    file: 'src/edge.ts',
    find: 'bindings.PLACED.fetch(request)',
    replace: 'bindings.PLACED.fetch(new Request(request.url, { method: request.method, body: request.body }))',
    tests: TWO_WORKERS,
  },
  {
    name: 'a loopback port that was closed ends a link under way',
    threats: ['T12', 'T71'],
    file: 'src/broker/link/finish-link.ts',
    find: 'state.port !== undefined && target?.allowLoopback === false;',
    replace: 'false as boolean;',
    tests: EDGE,
  },
  {
    name: 'a front signs with no key but the placed Worker’s current one',
    threats: ['T30'],
    file: 'src/edge.ts',
    find: 'answer?.status === 302 && isKeyPublished === true',
    replace: 'answer?.status === 302',
    tests: TWO_WORKERS,
  },
  {
    name: 'the placed Worker is deployed before its front',
    threats: ['T30'],
    file: 'scripts/deploy/deployment.ts',
    find: `  const url = await deployWorker(plan, configure, config, context);
  if (domain !== undefined && isBehindFront) await deployFront(plan, resources, domain, context);`,
    replace: `  if (domain !== undefined && isBehindFront) await deployFront(plan, resources, domain, context);
  const url = await deployWorker(plan, configure, config, context);`,
    tests: DEPLOYING,
  },
  {
    name: 'the front stays while requests are under way',
    file: 'scripts/deploy/front.ts',
    find: 'await wait(FRONT_STAYS_MS);',
    replace: '',
    tests: DEPLOYING,
  },
  {
    name: 'the front gets no secret that it does not need',
    threats: ['T48'],
    file: 'scripts/deploy/front.ts',
    find: 'for (const name of FRONT_SECRETS) {',
    replace: 'Object.assign(secrets, sent);\n  for (const name of FRONT_SECRETS) {',
    tests: DEPLOYING,
  },
];
