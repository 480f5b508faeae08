import { beforeEach, describe, expect, test } from 'vitest';

import { mintSecrets } from '../../scripts/secrets.ts';
import { type Account, openAccount, type Run } from './account.ts';
import type { Fault } from './cloudflare-stand-in.ts';
import { standInWrangler } from './wrangler-stand-in.ts';

/** A front is added to a Worker that serves a domain, and removed again: whatever fails, the domain leads to a Worker that answers. */

const HOST = 'withings.example.com';
const PLACED = 'mushu-health';
const FRONT = 'mushu-health-edge';
const CLIENT = { WITHINGS_CLIENT_ID: 'id-1', WITHINGS_CLIENT_SECRET: 'secret-1' };
const key = (byte: number): string => Buffer.alloc(32, byte).toString('base64url');
const ring = (current: string, ...ids: string[]): string =>
  JSON.stringify({ current, keys: Object.fromEntries(ids.map((id) => [id, key(Number(id.slice(1)))])) });
const INTERNAL_ERROR = { status: 500, code: 10_013, message: 'internal error' };

let account: Account;
let cloud: Account['cloud'];
/** What a request to the domain would have met, after each request that changed something. */
let outages: string[];

beforeEach(async () => {
  account = await openAccount(standInWrangler);
  cloud = account.cloud;
  outages = [];
});
const run = (wanted: Run) => account.run(wanted);
const succeed = (wanted: Run) => account.succeed(wanted);

type Keyring = { current: string; keys: Record<string, string> };
const keyringOf = (worker: string): Keyring =>
  JSON.parse(cloud.workers.get(worker)?.secrets.get('KEYRING') ?? '{"keys":{}}') as Keyring;

/** Why a request to the domain would get no answer, or a link that is started there would not end; undefined if all is well. */
const outage = (): string | undefined => {
  const holder = cloud.domains.get(HOST) ?? '';
  const worker = cloud.workers.get(holder);
  if (worker === undefined) return `${HOST} leads to ${holder || 'nothing'}`;
  const behind = worker.bindings.find(({ type }) => type === 'service')?.service;
  if (behind === undefined) return holder === PLACED ? undefined : `${holder} has nothing behind it`;
  if (!cloud.workers.has(behind)) return `${holder} hands over to ${behind}, which is not there`;
  const { current, keys } = keyringOf(holder);
  return keyringOf(behind).keys[current] === keys[current] ? undefined : `${behind} does not know the key ${current}`;
};

/** One Worker serves the domain, and its keyring is nowhere on this machine. */
const oneWorker = async (): Promise<void> => {
  const { operatorToken: OPERATOR_TOKEN } = await mintSecrets();
  const env = { ...CLIENT, OPERATOR_TOKEN, KEYRING: ring('k1', 'k1') };
  await succeed({ flags: { domain: HOST }, env });
  expect(cloud.domains).toEqual(new Map([[HOST, PLACED]]));
  cloud.watch((request) => {
    const met = outage();
    if (met !== undefined) outages.push(`${request}: ${met}`);
  });
};
const KEYRING = ring('k1', 'k1');
const toEdge = { flags: { edge: true }, env: { KEYRING } };
const back = { flags: { 'no-edge': true } };
const changesMade = () => cloud.requests.filter((request) => !request.startsWith('GET'));
const secretsOf = (worker: string) => Object.fromEntries(cloud.workers.get(worker)?.secrets ?? []);
const uploadsSince = (before: number) =>
  cloud.requests.slice(before).flatMap((request) => /scripts\/([\w-]+)\/versions$/.exec(request)?.[1] ?? []);

describe('--edge', () => {
  test('puts a front before the Worker, with the same secrets as far as it needs them, and replicas', async () => {
    await oneWorker();
    const { said, ok } = await run(toEdge);
    expect([ok, said]).toEqual([true, expect.stringContaining('front mushu-health-edge: deployed')]);
    expect([cloud.domains, outages]).toEqual([new Map([[HOST, FRONT]]), []]);
    expect(cloud.databases.map(({ replication }) => replication)).toEqual(['auto']);
    expect(secretsOf(FRONT)).toEqual({ KEYRING, WITHINGS_CLIENT_ID: 'id-1' });
    const [placed, front] = [cloud.workers.get(PLACED), cloud.workers.get(FRONT)];
    expect([placed?.crons, front?.crons]).toEqual([['* * * * *'], []]);
    expect([placed?.placement, front?.placement]).toEqual([{ region: 'aws:eu-west-1' }, undefined]);
    expect(front?.bindings).toContainEqual({ type: 'service', name: 'PLACED', service: PLACED });
    const behindFront = { type: 'plain_text', name: 'BEHIND_FRONT', text: 'yes' };
    expect(placed?.bindings).toContainEqual(behindFront);
    expect(front?.bindings).not.toContainEqual(behindFront);
    const publicUrl = { type: 'plain_text', name: 'PUBLIC_URL', text: `https://${HOST}` };
    for (const worker of [placed, front]) expect(worker?.bindings).toContainEqual(publicUrl);
    const limits = (worker: typeof front) => worker?.bindings.flatMap((binding) => binding.namespace_id ?? []) ?? [];
    expect(limits(front)).toHaveLength(2);
    expect(limits(placed)).not.toEqual(expect.arrayContaining(limits(front).slice(0, 1)));
  });

  test('asks for what it has to know before it changes anything', async () => {
    await oneWorker();
    const before = changesMade().length;
    expect((await run({ flags: { edge: true } })).said).toContain("The front needs the Worker's KEYRING");
    expect((await run({ ...toEdge, env: { KEYRING: 'x' } })).said).toContain('KEYRING is not JSON');
    const onWorkersDev = await run({ ...toEdge, flags: { edge: true, domain: 'workers.dev' } });
    expect(onWorkersDev.said).toContain('--edge needs a domain of your own');
    expect(changesMade()).toHaveLength(before);
  });

  const FAILING: [step: string, on: RegExp, says: string][] = [
    ['read replication', /^PUT \/d1\/database/, 'Switching read replication on failed.'],
    ['the placed Worker', /mushu-health\/versions$/, 'Deploying the Worker failed.'],
    ['its schedule', /mushu-health\/schedules$/, 'Deploying the Worker failed.'],
    ['the front', /^PUT .*mushu-health-edge$/, 'Deploying the front failed.'],
    ['the domain', /mushu-health-edge\/domains/, 'Deploying the front failed.'],
  ];
  test.each(FAILING)('that fails at %s loses no request, and run again finishes', async (_, on, says) => {
    await oneWorker();
    for (const fault of [INTERNAL_ERROR, 'cut before', 'cut after'] satisfies Fault[]) {
      cloud.failOnce(on, fault);
      const failed = await run(toEdge);
      // What was done although its answer was lost is found by the next run.
      if (fault !== 'cut after' || !failed.ok)
        expect([failed.ok, failed.said]).toEqual([false, expect.stringContaining(says)]);
      expect(outage()).toBeUndefined();
    }
    await succeed(toEdge);
    expect([cloud.domains, outages]).toEqual([new Map([[HOST, FRONT]]), []]);
  });

  test('is kept by later runs, which send no secret again but the client id, and deploy the placed Worker first', async () => {
    await oneWorker();
    await run(toEdge);
    const before = cloud.requests.length;
    await succeed({});
    expect([uploadsSince(before), outages]).toEqual([[PLACED, FRONT], []]);
    expect(secretsOf(FRONT)).toEqual({ KEYRING, WITHINGS_CLIENT_ID: 'id-1' });
    expect(cloud.workers.get(FRONT)?.uploads.at(-1)).toEqual(['WITHINGS_CLIENT_ID']);
    expect(cloud.domains).toEqual(new Map([[HOST, FRONT]]));
  });

  test('gets another Withings client from a later run, if the one that replaced it ended before the front', async () => {
    await oneWorker();
    await run(toEdge);
    cloud.failOnce(/mushu-health-edge\/versions$/, INTERNAL_ERROR);
    const env = { WITHINGS_CLIENT_ID: 'id-2', WITHINGS_CLIENT_SECRET: 'secret-2' };
    expect((await run({ flags: { 'replace-client': true }, env })).said).toContain('Deploying the front failed.');
    await succeed({});
    expect(secretsOf(PLACED)).toMatchObject(env);
    expect(secretsOf(FRONT)).toEqual({ KEYRING, WITHINGS_CLIENT_ID: 'id-2' });
  });

  test('of a new account needs nothing twice', async () => {
    const env = { ...CLIENT };
    await succeed({ flags: { edge: true, domain: HOST }, env });
    expect(outage()).toBeUndefined();
    expect(secretsOf(FRONT)).toEqual({ KEYRING: secretsOf(PLACED)['KEYRING'], WITHINGS_CLIENT_ID: 'id-1' });
  });
});

describe('a keyring is replaced', () => {
  const STAGES = [ring('k1', 'k1', 'k2'), ring('k2', 'k1', 'k2'), ring('k2', 'k2')];

  test('in the placed Worker first, so that it knows the key of each link that the front starts', async () => {
    await oneWorker();
    await run(toEdge);
    for (const keyring of STAGES) {
      cloud.failOnce(/mushu-health-edge\/versions$/, INTERNAL_ERROR);
      const replaced = { flags: { 'replace-keyring': true }, env: { KEYRING: keyring } };
      expect((await run(replaced)).said).toContain('Deploying the front failed.');
      // The front has the one before. It must not be dropped before the front has the new one.
      if (keyring !== STAGES[2]) expect(outage()).toBeUndefined();
      await succeed(replaced);
      expect([secretsOf(PLACED)['KEYRING'], secretsOf(FRONT)['KEYRING']]).toEqual([keyring, keyring]);
    }
    expect(outages).toEqual([]);
  });

  test('in the file of this machine too, and only after the Worker has it', async () => {
    await succeed({ flags: { domain: HOST }, env: CLIENT });
    const made = account.stateDir.secrets();
    const replaced = { flags: { 'replace-keyring': true }, env: { KEYRING } };
    cloud.failOnce(/mushu-health\/versions$/, INTERNAL_ERROR);
    await run(replaced);
    expect(account.stateDir.secrets()).toEqual(made);
    await succeed(replaced);
    expect(account.stateDir.secrets()).toEqual({ ...made, KEYRING });
    await succeed({ flags: { edge: true } });
    expect(secretsOf(FRONT)['KEYRING']).toBe(KEYRING);
  });

  test('by that flag alone: a keyring in the environment replaces none', async () => {
    await oneWorker();
    await run(toEdge);
    await run({ env: { KEYRING: ring('k2', 'k2') } });
    expect([secretsOf(PLACED)['KEYRING'], secretsOf(FRONT)['KEYRING']]).toEqual([KEYRING, KEYRING]);
    const without = await run({ flags: { 'replace-keyring': true } });
    expect(without.said).toContain('--replace-keyring needs the new KEYRING');
    const malformed = await run({ flags: { 'replace-keyring': true }, env: { KEYRING: 'x' } });
    expect(malformed.said).toContain('KEYRING is not JSON');
  });
});

describe('--no-edge', () => {
  test('gives the domain back, and removes the front when a minute has passed', async () => {
    await oneWorker();
    await run(toEdge);
    await succeed(back);
    expect([cloud.domains, outages]).toEqual([new Map([[HOST, PLACED]]), []]);
    expect(account.waited).toEqual([{ ms: 60_000, workers: [PLACED, FRONT] }]);
    expect(cloud.worker?.bindings.map(({ name }) => name)).not.toContain('BEHIND_FRONT');
    expect([...cloud.workers.keys()]).toEqual([PLACED]);
    expect(cloud.databases.map(({ replication }) => replication)).toEqual(['disabled']);
    const before = cloud.requests.length;
    await succeed({});
    expect([uploadsSince(before), account.waited.length]).toEqual([[PLACED], 1]);
  });

  const FAILING: [step: string, on: RegExp, says: string][] = [
    ['the Worker', /mushu-health\/versions$/, 'Deploying the Worker failed.'],
    ['the domain', /mushu-health\/domains/, 'Deploying the Worker failed.'],
    ['read replication', /^PUT \/d1\/database/, 'Switching read replication off failed.'],
    ['the front', /^DELETE .*mushu-health-edge$/, 'Deleting the front failed.'],
  ];
  test.each(FAILING)('that fails at %s loses no request, and run again finishes', async (_, on, says) => {
    await oneWorker();
    await run(toEdge);
    for (const fault of [INTERNAL_ERROR, 'cut before', 'cut after'] satisfies Fault[]) {
      cloud.failOnce(on, fault);
      const failed = await run(back);
      expect([failed.ok, failed.said]).toEqual([false, expect.stringContaining(says)]);
      expect(outage()).toBeUndefined();
    }
    await succeed(back);
    expect([cloud.domains, outages]).toEqual([new Map([[HOST, PLACED]]), []]);
    expect([...cloud.workers.keys()]).toEqual([PLACED]);
  });
});
