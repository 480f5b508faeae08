import { beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { asAppId } from '../../src/domain/app-id.ts';
import type { LogEntry } from '../../src/domain/log.ts';
import {
  authPath,
  type Broker,
  connect,
  consent,
  makeApp,
  openLink,
  startBroker,
  type TestApp,
} from '../support/broker.ts';
import { faultOfLine } from '../support/log-lines.ts';

/**
 * Why did this user fail? From the request id that an error carries, or from the hash that each of a user's lines
 * carries.
 */

let broker: Broker;
let app: TestApp;
beforeAll(async () => {
  broker = await startBroker({ bindings: { WITHINGS_TIMEOUT_MS: '500' } });
  app = await makeApp(broker);
});
beforeEach(() => {
  broker.simulator.state.faults.clear();
  broker.logs.length = 0;
});

const linesOf = (requestId: string | null): LogEntry[] => broker.logs.filter((line) => line.requestId === requestId);

/** The lines of the request that was answered, without what all have in common. */
const linesBehind = (answer: Response): Partial<LogEntry>[] =>
  linesOf(answer.headers.get('X-Request-Id')).map((line) => {
    const { requestId: _, durationMs: __, ...rest } = line;
    return rest;
  });

const userHashes = (): unknown[] => [...new Set(broker.logs.map(({ userHash }) => userHash))];

/** What every line about the user under test says. */
const about = () => ({ appId: app.id, userHash: expect.stringMatching(/^user_[0-9a-f]{24}$/) });

describe('a link that fails', () => {
  const link = async (userId: string, decision: 'allow' | 'deny' = 'allow') => {
    const { response, authorizeUrl, cookies } = await openLink(broker, authPath(app, userId));
    const url = await consent(broker, authorizeUrl, 'nora', decision);
    return { response, finish: () => broker.request(url, { headers: { Cookie: cookies } }) };
  };

  test.each([
    ['reject', 'code_rejected', 'code_rejected'],
    ['html', 'temporarily_unavailable', 'not_json'],
    ['late_answer', 'temporarily_unavailable', 'timeout'],
  ] as const)('because of %s at Withings says so under the user and the request', async (kind, outcome, reason) => {
    const { response, finish } = await link('ada');
    broker.simulator.state.faults.add({ kind, action: 'requesttoken', delayMs: 5_000 });
    const callback = await finish();
    expect(linesBehind(response)).toEqual([
      { level: 'info', event: 'request', method: 'GET', route: '/apps/:app_id/withings/auth', status: 302, ...about() },
    ]);
    expect(linesBehind(callback)).toEqual([
      { level: 'info', event: 'link', outcome, reason, ...about() },
      { level: 'info', event: 'request', method: 'GET', route: '/withings/callback', status: 302 },
    ]);
    expect(userHashes()).toHaveLength(2);
  });

  test('because the person denied it, or an app was disabled meanwhile, names the user too', async () => {
    const denied = await link('ada', 'deny');
    expect(linesBehind(await denied.finish())).toContainEqual({
      level: 'info',
      event: 'link',
      outcome: 'access_denied',
      reason: 'no_code',
      ...about(),
    });
    const { finish } = await link('ada');
    await broker.manage('PATCH', `/apps/${app.id}`, { disabled: true });
    const refused = await finish();
    await broker.manage('PATCH', `/apps/${app.id}`, { disabled: false });
    expect(refused.status).toBe(403);
    expect(linesBehind(refused)).toContainEqual({
      level: 'info',
      event: 'link',
      outcome: 'app_disabled',
      reason: 'changed_meanwhile',
      ...about(),
    });
  });

  test('because it took longer than half an hour names the app: who it was for is forgotten by then', async () => {
    const { finish } = await link('ada');
    broker.advance(31 * 60_000);
    expect(linesBehind(await finish())).toEqual([
      { level: 'info', event: 'link', outcome: 'state_expired', reason: 'too_late', appId: app.id },
      expect.objectContaining({ event: 'request', outcome: 'state_expired', status: 400 }),
    ]);
  });

  test('at its beginning is found by the user that the link named, and a made-up app by nothing', async () => {
    const refused = await broker.request(authPath(app, 'ada', 'womoji://not/registered'));
    expect(linesBehind(refused)).toEqual([
      expect.objectContaining({ outcome: 'redirect_uri_not_allowed', ...about() }),
    ]);
    const forged = await broker.request(authPath({ id: 'app_%0Aforged' }, 'ada'));
    expect(linesBehind(forged)[0]).not.toHaveProperty('appId');
    expect(linesBehind(forged)[0]).not.toHaveProperty('userHash');
  });

  test('because nobody confirmed it rightly says what was wrong with it', async () => {
    const body = { ticket: `mushu_ticket_${'0'.repeat(72)}`, user_id: 'ada' };
    const answer = await app.call('POST', '/withings/confirm', body);
    expect(linesBehind(answer)).toContainEqual({
      level: 'info',
      event: 'link',
      outcome: 'not_confirmed',
      reason: 'not_found',
      ...about(),
    });
  });
});

describe('a connected user', () => {
  const HOURS = 3_600_000;
  const sync = () => {
    broker.advance(61_000);
    return app.call('POST', '/withings/sync/bob');
  };
  beforeAll(async () => {
    await connect(broker, app, 'bob', 'nora');
    await sync();
  });

  test('whose sync refreshes and succeeds has one line of each, under one request and one hash', async () => {
    broker.advance(3 * HOURS);
    const lines = linesBehind(await sync());
    expect(lines.map(({ event, outcome, reason }) => [event, outcome, reason])).toEqual([
      ['refresh', 'refreshed', 'sync'],
      ['sync', 'complete', undefined],
      ['request', undefined, undefined],
    ]);
    for (const line of lines) expect(line).toMatchObject(about());
    expect(new Set(lines.map(({ userHash }) => userHash)).size).toBe(1);
  });

  test('whose sync fails is followed from the answer to what Withings did', async () => {
    broker.advance(3 * HOURS);
    broker.simulator.state.faults.add({ kind: 'http_503', times: 9 });
    const answer = await sync();
    expect((await answer.json<{ request_id: string }>()).request_id).toBe(answer.headers.get('X-Request-Id'));
    expect(linesBehind(answer)).toEqual([
      { level: 'warn', event: 'refresh', outcome: 'failed', reason: 'http_error', ...about() },
      { level: 'warn', event: 'sync', outcome: 'failed', reason: 'http_error', ...about() },
      expect.objectContaining({ event: 'request', outcome: 'withings_unavailable', status: 503, ...about() }),
    ]);
    broker.simulator.state.faults.clear();
    broker.advance(HOURS);
    await sync();
  });

  test('whom the cron refreshes has one line, under the tick and the same hash', async () => {
    const bySync = linesBehind(await sync()).map(({ userHash }) => userHash)[0];
    broker.logs.length = 0;
    broker.advance(3 * HOURS);
    await broker.tick();
    const [line, ...others] = broker.logs.filter(({ event, userHash }) => event === 'refresh' && userHash === bySync);
    expect(others).toEqual([]);
    expect(line).toMatchObject({ level: 'info', outcome: 'refreshed', reason: 'cron', ...about() });
    expect(line?.requestId).toMatch(/^tick_[0-9a-f]{20}$/);
    expect(linesOf(line?.requestId ?? null).map(({ event }) => event)).toContain('tick');
  });

  test('who took the consent away is told apart, and stays the same hash to the end', async () => {
    const { userid = 0 } = broker.simulator.state.people.find('nora') ?? {};
    broker.simulator.state.grants.withdraw(userid);
    const lines = linesBehind(await sync());
    expect(lines).toContainEqual(
      expect.objectContaining({ event: 'refresh', outcome: 'reauth_required', reason: 'refresh_token_rejected' }),
    );
    await app.call('DELETE', '/withings/disconnect/bob');
    expect(userHashes().filter((hash) => hash !== undefined)).toHaveLength(1);
  });
});

test('a line with a field that is not agreed, or without one that is needed, is found by the search that ends every file', () => {
  const good: LogEntry = {
    level: 'info',
    event: 'refresh',
    outcome: 'refreshed',
    appId: asAppId('app_0'),
    userHash: `user_${'0'.repeat(24)}`,
  };
  expect(faultOfLine(good)).toEqual([]);
  const { userHash: _, ...nameless } = good;
  for (const bad of [
    nameless,
    { ...good, userId: 'ada' },
    { ...good, route: 'ada' },
    { ...good, reason: 'it was ada' },
  ]) {
    expect(faultOfLine(bad as LogEntry)).toHaveLength(1);
  }
});
