import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import {
  authPath,
  type Broker,
  consent,
  emptyTables,
  makeApp,
  startBroker,
  type TestApp,
  WOMOJI,
} from '../support/broker.ts';
import { browserOf } from '../support/browser.ts';

/**
 * Links opened by another person than their user, with two browsers (each its own cookies): the hijack (the victim
 * consents, the data lands under the attacker) and the overwrite (the attacker consents under the victim's user id),
 * under each policy.
 */

let broker: Broker;
let app: TestApp;
let victim: string;
let attacker: string;

beforeEach(async () => {
  await emptyTables();
  broker = await startBroker();
  app = await makeApp(broker);
  const [first, second] = [...broker.simulator.state.people.list()];
  victim = first?.id ?? '';
  attacker = second?.id ?? '';
});

const policy = (linkPolicy: string, more: object = {}) =>
  broker.manage('PATCH', `/apps/${app.id}`, { link_policy: linkPolicy, ...more });
const isConnected = async (userId: string): Promise<boolean> =>
  (await (await app.call('GET', `/withings/status/${userId}`)).json<{ connected: boolean }>()).connected;
const link = async (userId: string, person: string, url = authPath(app, userId)): Promise<string> => {
  const open = browserOf(broker);
  return open(await consent(broker, await open(url), person));
};
const accountOf = (userId: string) =>
  env.DB.prepare('SELECT withings_user_id FROM connections WHERE user_id = ? AND is_current = 1')
    .bind(userId)
    .first<string>('withings_user_id');
const ticketIn = (location: string): string => new URL(location).searchParams.get('ticket') ?? '';
const confirm = (ticket: string, userId: string) => app.call('POST', '/withings/confirm', { ticket, user_id: userId });

describe('the hijack: the victim opens a link of the attacker', () => {
  test('under confirm nothing flows until the right user is confirmed with the ticket, which nobody else has', async () => {
    await policy('confirm');
    const landed = await link('attacker', victim);
    const ticket = ticketIn(landed);
    expect(await isConnected('attacker')).toBe(false);
    expect((await app.call('POST', '/withings/sync/attacker')).status).toBe(409);
    expect(await (await app.call('GET', '/metrics/attacker')).json()).toMatchObject({ data: [] });
    expect((await confirm(`mushu_ticket_${'0'.repeat(72)}`, 'attacker')).status).toBe(404);
    expect((await confirm(ticket, 'victim')).status).toBe(403);
    expect(await isConnected('attacker')).toBe(false);
    const other = await makeApp(broker, 'Other');
    expect((await other.call('POST', '/withings/confirm', { ticket, user_id: 'attacker' })).status).toBe(404);
  });

  test('under session an open link is refused, and a forwarded Withings page leaves a pending connection', async () => {
    await policy('session');
    expect(await browserOf(broker)(authPath(app, 'attacker'))).toBe('403');
    const url = await app.sessionLink('attacker');
    const [attackers, victims] = [browserOf(broker), browserOf(broker)];
    const atWithings = await attackers(url);
    const landed = await victims(await consent(broker, atWithings, victim));
    expect(ticketIn(landed)).not.toBe('');
    expect(await isConnected('attacker')).toBe(false);
    expect((await confirm(ticketIn(landed), 'victim')).status).toBe(403);
  });

  test('under session a session is used once, and a preview of it uses nothing', async () => {
    await policy('session');
    const url = await app.sessionLink('ada');
    await broker.request(url, { method: 'HEAD' });
    await browserOf(broker)(url);
    expect(await link('ada', victim, url)).toBe(WOMOJI);
    expect(await link('ada', attacker, url)).toContain('error=link_not_allowed');
    expect(await accountOf('ada')).toBe(String([...broker.simulator.state.people.list()][0]?.userid));
  });

  test('under open it succeeds, which is why an app with something to lose takes another policy', async () => {
    expect(await link('attacker', victim)).toBe(WOMOJI);
    expect(await isConnected('attacker')).toBe(true);
  });
});

describe('the overwrite: the attacker consents under the victim’s user id', () => {
  test.each(['active', 'reauth_required'])('under open, a live connection (%s) keeps its account', async (state) => {
    await link('victim', victim);
    const before = await accountOf('victim');
    await env.DB.prepare('UPDATE connections SET state = ?').bind(state).run();
    expect(await link('victim', attacker)).toContain('error=already_connected');
    expect(await accountOf('victim')).toBe(before);
    expect(await link('victim', victim)).toBe(WOMOJI);
    expect(await isConnected('victim')).toBe(true);
  });

  test('under session nobody but the backend makes a link at all', async () => {
    await link('victim', victim);
    await policy('session');
    expect(await browserOf(broker)(authPath(app, 'victim'))).toBe('403');
    expect(await isConnected('victim')).toBe(true);
  });

  test('under confirm the old connection stays, works, and gives way only to a confirmed one', async () => {
    await link('victim', victim);
    const before = await accountOf('victim');
    await policy('confirm');
    const landed = await link('victim', attacker);
    expect(await accountOf('victim')).toBe(before);
    expect((await app.call('POST', '/withings/sync/victim')).status).toBe(200);
    broker.advance(16 * 60_000);
    expect((await confirm(ticketIn(landed), 'victim')).status).toBe(404);
    await broker.tick();
    const { results } = await env.DB.prepare('SELECT * FROM pending_connections').all();
    expect(results).toEqual([]);
    const again = ticketIn(await link('victim', attacker));
    expect((await confirm(again, 'victim')).status).toBe(200);
    expect(await accountOf('victim')).not.toBe(before);
    expect((await confirm(again, 'victim')).status).toBe(404);
  });

  test('who opens many links neither shuts out nor pushes out the one that its person is about to confirm', async () => {
    await policy('confirm');
    const waiting = ticketIn(await link('victim', victim));
    for (let links = 0; links < 20; links += 1) {
      await link('victim', attacker);
      broker.advance(1_000);
    }
    expect((await confirm(waiting, 'victim')).status).toBe(200);
    expect((await confirm(ticketIn(await link('victim', victim)), 'victim')).status).toBe(200);
  });

  test('nor does it fill the table: as many wait as the links’ quota allows in the time that each waits', async () => {
    const [share, minutes] = [6, 15];
    broker.deploy({ LINK_REQUESTS_PER_MINUTE: String(share) });
    await policy('confirm');
    const count = () => env.DB.prepare('SELECT count(*) AS n FROM pending_connections').first<number>('n');
    let most = 0;
    for (let minute = 0; minute < 2 * minutes; minute += 1) {
      for (let links = 0; links < 2 * share; links += 1) await link('victim', attacker);
      broker.advance(60_000);
      await broker.tick();
      most = Math.max(most, (await count()) ?? 0);
    }
    expect(most).toBeLessThanOrEqual(share * (minutes + 1));
  });
});

describe('one Withings account under two users of one app', () => {
  const conflictOf = async (userId: string) =>
    (await (await app.call('GET', `/withings/connections/${userId}`)).json<{ conflict: boolean }>()).conflict;

  test.each(['open', 'confirm'])('is told on both connections and in the log, by a hash (%s)', async (linkPolicy) => {
    await link('ada', victim);
    expect(await conflictOf('ada')).toBe(false);
    await policy(linkPolicy);
    const landed = await link('eve', victim);
    if (linkPolicy === 'open') expect(landed).toBe(WOMOJI);
    else expect((await confirm(ticketIn(landed), 'eve')).status).toBe(200);
    expect([await conflictOf('ada'), await conflictOf('eve')]).toEqual([true, true]);
    const line = broker.logs.find(({ outcome }) => outcome === 'account_shared');
    expect(line?.userHash).toMatch(/^user_[0-9a-f]{24}$/);
    expect(JSON.stringify(broker.logs)).not.toMatch(/"(ada|eve)"/);
    await app.call('DELETE', '/withings/disconnect/eve');
    expect(await conflictOf('ada')).toBe(false);
  });

  test('is refused where the app says so, at the callback and at the confirmation, and not in another app', async () => {
    await policy('open', { shared_accounts: 'refuse' });
    await link('ada', victim);
    expect(await link('eve', victim)).toContain('error=account_in_use');
    expect(await isConnected('eve')).toBe(false);
    expect(await link('ada', victim)).toBe(WOMOJI);
    const other = await makeApp(broker, 'Other');
    expect(await link('eve', victim, authPath(other, 'eve'))).toBe(WOMOJI);

    await app.call('DELETE', '/withings/disconnect/ada');
    await policy('confirm');
    const ticket = ticketIn(await link('eve', victim));
    await policy('open');
    await link('ada', victim);
    const answer = await confirm(ticket, 'eve');
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ code: 'account_in_use' });
  });
});
