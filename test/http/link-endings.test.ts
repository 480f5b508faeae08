import { env } from 'cloudflare:workers';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';

import type { Faults } from '../../src/simulator/faults.ts';
import {
  authPath,
  type Broker,
  connect,
  consent,
  makeApp,
  openLink,
  startBroker,
  type TestApp,
  WEB,
  WOMOJI,
} from '../support/broker.ts';
import { meterFetch } from '../support/meters.ts';
import { changingNothing } from '../support/problem.ts';

/** How a link with a good state ends at the app when it does not end well: with a word of a closed list, and nothing kept. */

const sent = meterFetch();
let broker: Broker;
let app: TestApp;
let users = 0;

beforeAll(async () => {
  broker = await startBroker({ fetch: sent.wrap, bindings: { WITHINGS_TIMEOUT_MS: '500' } });
  app = await makeApp(broker);
});
beforeEach(async () => {
  // The brokers of this file have a clock each.
  await env.DB.exec('DELETE FROM request_budgets');
  broker.simulator.state.faults.clear();
  sent.reset();
  users += 1;
});

const user = () => `user-${users}`;

/** A link up to the URL that Withings sends the browser back to. */
const consented = async (decision: 'allow' | 'deny' = 'allow', redirectUri = WOMOJI) => {
  const { authorizeUrl, cookies } = await openLink(broker, authPath(app, user(), redirectUri));
  const url = await consent(broker, authorizeUrl, 'nora', decision);
  return { url, finish: (to = url) => broker.request(to, { headers: { Cookie: cookies } }) };
};

/** The error that an ending carries, after making sure that it went to the registered string. */
const errorOf = (response: Response, redirectUri = WOMOJI): string | null => {
  expect(response.status).toBe(302);
  const location = response.headers.get('Location') ?? '';
  expect(location.startsWith(`${redirectUri}?error=`)).toBe(true);
  const { searchParams } = new URL(location);
  expect([...searchParams.keys()]).toEqual(['error', 'error_description']);
  return searchParams.get('error');
};

describe('a person who does not allow access', () => {
  test.each([WOMOJI, WEB])('is sent back to %s with access_denied, and nothing is exchanged', async (redirectUri) => {
    const { finish } = await consented('deny', redirectUri);
    const response = await changingNothing(finish);
    expect(errorOf(response, redirectUri)).toBe('access_denied');
    expect(sent.count()).toBe(0);
  });

  test('is sent back when Withings says so by a state without a code', async () => {
    const { authorizeUrl } = await openLink(broker, authPath(app, user()));
    const state = new URL(authorizeUrl).searchParams.get('state');
    const response = await changingNothing(() => broker.request(`/withings/callback?state=${state}`));
    expect(errorOf(response)).toBe('access_denied');
  });

  test('never carries words of Withings to the app', async () => {
    const { authorizeUrl } = await openLink(broker, authPath(app, user()));
    const state = new URL(authorizeUrl).searchParams.get('state');
    const query = `error=evil_code&error_description=%3Cscript%3E&state=${state}&code=abc`;
    const response = await broker.request(`/withings/callback?${query}`);
    expect(errorOf(response)).toBe('access_denied');
    expect(response.headers.get('Location')).not.toMatch(/evil|<|%3C/);
    expect(sent.count()).toBe(0);
  });
});

describe('an exchange that fails', () => {
  const token = { action: 'requesttoken' };
  const faults: [string, Parameters<Faults['add']>[0], string][] = [
    ['Withings refuses the code', { ...token, kind: 'reject' }, 'code_rejected'],
    ['Withings is too slow', { ...token, kind: 'late_answer', delayMs: 5_000 }, 'temporarily_unavailable'],
    ['the answer is lost', { ...token, kind: 'lost_answer' }, 'temporarily_unavailable'],
    ['Withings is down', { ...token, kind: 'http_503' }, 'temporarily_unavailable'],
    ['Withings breaks', { ...token, kind: 'http_500' }, 'temporarily_unavailable'],
    ['Withings answers HTML', { ...token, kind: 'html' }, 'temporarily_unavailable'],
    ['Withings answers half of its JSON', { ...token, kind: 'cut_body' }, 'temporarily_unavailable'],
    ['Withings answers nothing', { ...token, kind: 'empty_body' }, 'temporarily_unavailable'],
    ['Withings wants a pause', { ...token, kind: 'status', status: 601 }, 'temporarily_unavailable'],
    ['Withings has trouble', { ...token, kind: 'status', status: 2555 }, 'temporarily_unavailable'],
    ['Withings refuses our client', { ...token, kind: 'status', status: 342 }, 'server_error'],
    [
      'Withings refuses a parameter',
      { ...token, kind: 'status', status: 503, error: 'Invalid Params' },
      'server_error',
    ],
  ];

  test.each(faults)('because %s goes back to the app after one try', async (_, fault, error) => {
    const { finish } = await consented();
    broker.simulator.state.faults.add(fault);
    const response = await changingNothing(finish);
    expect(errorOf(response)).toBe(error);
    expect(sent.count()).toBe(1);
    // The same callback again: the same ending, and the code is not tried a second time.
    expect(errorOf(await changingNothing(finish))).toBe(error);
    expect(sent.count()).toBe(1);
  });

  test('because the code is older than 30 seconds', async () => {
    const { finish } = await consented();
    broker.advance(31_000);
    expect(errorOf(await changingNothing(finish))).toBe('code_rejected');
  });

  test('because it has two codes: none is tried', async () => {
    const { url, finish } = await consented();
    expect(errorOf(await changingNothing(() => finish(`${url}&code=another`)))).toBe('access_denied');
    expect(sent.count()).toBe(0);
  });

  test.each([
    ['something else than measurements', ['user.activity']],
    ['nothing at all', []],
  ])('because the person allowed %s', async (_, allowedScopes) => {
    const asking = await startBroker({ bindings: { WITHINGS_SCOPE: 'user.metrics,user.activity' } });
    const nora = asking.simulator.state.people.find('nora');
    if (nora) nora.allowedScopes = allowedScopes;
    const response = await changingNothing(() => connect(asking, app, user(), 'nora'));
    expect(errorOf(response)).toBe('access_denied');
    expect(asking.logs).toContainEqual(expect.objectContaining({ event: 'link', reason: 'scope_not_granted' }));
  });

  test('but not because Withings does not say what was allowed: that is what was asked for', async () => {
    const silent = await startBroker({
      fetch: (send) => async (input, init) => {
        const answer = await send(input, init);
        const text = (await answer.text()).replace(/"scope":"[^"]*",/, '');
        return new Response(text, { status: answer.status });
      },
    });
    expect((await connect(silent, app, user(), 'nora')).headers.get('Location')).toBe(WOMOJI);
    const shown = await app.call('GET', `/withings/connections/${user()}`);
    expect(await shown.json()).toMatchObject({ state: 'active', scopes: ['user.metrics'] });
  });
});

test('a browser that goes away after it came back loses nothing: the exchange is finished without it', async () => {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const slow = await startBroker({
    fetch: (send) => async (input, init) => {
      const answer = await send(input, init);
      await held;
      return answer;
    },
  });
  const { authorizeUrl } = await openLink(slow, authPath(app, user()));
  void slow.request(await consent(slow, authorizeUrl, 'nora'));
  await expect.poll(() => slow.simulator.state.grants.all().length).toBe(1);
  const settled = slow.settle();
  release();
  // What the platform waits for when nobody waits for the answer.
  await settled;
  const status = await app.call('GET', `/withings/status/${user()}`);
  expect(await status.json()).toEqual({ connected: true });
});

describe('a link that ends on a page', () => {
  const pageOf = async (decision: 'allow' | 'deny' = 'allow', person = 'nora', userId = user()) => {
    const { authorizeUrl, cookies } = await openLink(broker, `${authPath(app, userId)}&ending=page`);
    const url = await consent(broker, authorizeUrl, person, decision);
    const finish = async () => {
      const answer = await broker.request(url, { headers: { Cookie: cookies } });
      expect([answer.status, answer.headers.get('Location')]).toEqual([200, null]);
      expect(answer.headers.get('Content-Type')).toMatch(/^text\/html/);
      expect(answer.headers.get('Cache-Control')).toBe('no-store');
      const html = await answer.text();
      return { html, href: /href="([^"]+)">\s*Back to the app/.exec(html)?.[1]?.replaceAll('&amp;', '&') ?? '' };
    };
    return { finish };
  };

  test('says that the person is connected, the second time too, and leads to the registered string', async () => {
    const { finish } = await pageOf();
    for (const { html, href } of [await finish(), await finish()]) {
      expect(html).toContain('<h1>Connected</h1>');
      expect(href).toBe(WOMOJI);
    }
    expect(await (await app.call('GET', `/withings/status/${user()}`)).json()).toEqual({ connected: true });
  });

  test.each([
    ['a refusal', 'deny', 'access_denied'],
    ['another account', 'allow', 'already_connected'],
  ] as const)('says after %s that the person is not connected, and tells the app why', async (_, decision, error) => {
    if (decision === 'allow') await connect(broker, app, user(), 'walter');
    const { html, href } = await (await pageOf(decision)).finish();
    expect(html).toContain('<h1>Not connected</h1>');
    expect(href.startsWith(`${WOMOJI}?error=${error}&`)).toBe(true);
  });

  test('says under confirm that the app has to confirm, and gives it the ticket', async () => {
    await broker.manage('PATCH', `/apps/${app.id}`, { link_policy: 'confirm' });
    const { html, href } = await (await pageOf()).finish();
    await broker.manage('PATCH', `/apps/${app.id}`, { link_policy: 'open' });
    expect(html).toContain('Almost connected');
    expect(html.split('mushu_ticket_')).toHaveLength(2);
    expect(
      (
        await app.call('POST', '/withings/confirm', {
          ticket: new URL(href).searchParams.get('ticket'),
          user_id: user(),
        })
      ).status,
    ).toBe(200);
  });

  test.each(['&ending=redirect', '&ending=', '&ending=page&ending=page'])(
    'is asked for in one way: %s is refused',
    async (more) => {
      const answer = await broker.request(`${authPath(app, user())}${more}`);
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({
        code: 'invalid_parameter',
        detail: expect.stringContaining('ending'),
      });
    },
  );

  test('cannot be made of another by a parameter of the callback', async () => {
    const { url, finish } = await consented();
    expect((await finish(`${url}&ending=page`)).status).toBe(302);
  });
});

describe('a state used again', () => {
  test('gets the first one’s outcome, without a second exchange', async () => {
    const { finish } = await consented();
    expect((await finish()).headers.get('Location')).toBe(WOMOJI);
    expect((await changingNothing(finish)).headers.get('Location')).toBe(WOMOJI);
    expect(sent.count()).toBe(1);
  });

  test('with another person’s code gets the first one’s outcome all the same', async () => {
    const { url, finish } = await consented();
    await finish();
    const other = await consented();
    const swapped = new URL(url);
    swapped.searchParams.set('code', new URL(other.url).searchParams.get('code') ?? '');
    expect((await changingNothing(() => finish(swapped.href))).headers.get('Location')).toBe(WOMOJI);
    expect(sent.count()).toBe(1);
  });

  test.each([
    ['confirm', 'in the same browser'],
    ['session', 'in another browser than it was opened in'],
  ])('under %s, %s, says that the ticket went with the first answer', async (policy) => {
    await broker.manage('PATCH', `/apps/${app.id}`, { link_policy: policy });
    const minted = await app.call('POST', '/withings/connect-sessions', { user_id: user(), redirect_uri: WOMOJI });
    const { auth_url: path } = await minted.json<{ auth_url: string }>();
    const { authorizeUrl, cookies } = await openLink(broker, path);
    const url = await consent(broker, authorizeUrl, 'nora');
    const headers = policy === 'session' ? undefined : { Cookie: cookies };
    const finish = () => broker.request(url, headers && { headers });
    const [first, ...more] = [await finish(), await finish(), await finish()];
    await broker.manage('PATCH', `/apps/${app.id}`, { link_policy: 'open' });
    expect(first?.headers.get('Location')).toContain(`${WOMOJI}?ticket=`);
    expect(more.map((answer) => errorOf(answer))).toEqual(['ticket_already_sent', 'ticket_already_sent']);
    expect(sent.count()).toBe(1);
  });

  test('after a denial stays denied', async () => {
    const { url, finish } = await consented('deny');
    await finish();
    const response = await changingNothing(() => finish(url.replace(/error=\w+/, 'code=abc')));
    expect(errorOf(response)).toBe('access_denied');
    expect(sent.count()).toBe(0);
  });

  test.each([
    ['open', WOMOJI],
    ['confirm', WOMOJI],
  ])('20 times at once makes one token request (%s policy), and only one answer has a ticket', async (policy, to) => {
    await broker.manage('PATCH', `/apps/${app.id}`, { link_policy: policy });
    const { finish } = await consented();
    const answers = await Promise.all(Array.from({ length: 20 }, () => finish()));
    await broker.manage('PATCH', `/apps/${app.id}`, { link_policy: 'open' });
    const locations = answers.map((answer) => answer.headers.get('Location') ?? '');
    expect(sent.count()).toBe(1);
    expect(new Set(locations.map((location) => location.split('?')[0]))).toEqual(new Set([to]));
    const [tickets, errors] = ['?ticket=', '?error=ticket_already_sent&'].map((part) =>
      locations.filter((location) => location.includes(part)),
    );
    // A bare success is for who is connected.
    expect([tickets?.length, errors?.length]).toEqual(policy === 'confirm' ? [1, 19] : [0, 0]);
  });

  test('20 times at once, refused by Withings, ends 20 times the same', async () => {
    const { finish } = await consented();
    broker.simulator.state.faults.add({ kind: 'reject', action: 'requesttoken' });
    const answers = await changingNothing(() => Promise.all(Array.from({ length: 20 }, () => finish())));
    expect(answers.map((answer) => errorOf(answer))).toEqual(Array(20).fill('code_rejected'));
    expect(sent.count()).toBe(1);
  });
});

describe('another account', () => {
  test('does not replace a live connection through an open link', async () => {
    await connect(broker, app, user(), 'nora');
    const { authorizeUrl } = await openLink(broker, authPath(app, user()));
    const url = await consent(broker, authorizeUrl, 'walter');
    expect(errorOf(await changingNothing(() => broker.request(url)))).toBe('already_connected');
  });

  test('nor does a link of one app reach another app', async () => {
    const other = await makeApp(broker, 'Other');
    const { authorizeUrl } = await openLink(broker, authPath(other, user(), WEB));
    const url = await consent(broker, authorizeUrl, 'walter');
    const { url: own, finish } = await consented();
    const swapped = new URL(own);
    swapped.searchParams.set('state', new URL(url).searchParams.get('state') ?? '');
    // The state alone says where the answer goes and whom it links.
    expect((await finish(swapped.href)).headers.get('Location')).toBe(WEB);
    const ownStatus = await app.call('GET', `/withings/status/${user()}`);
    expect(await ownStatus.json()).toEqual({ connected: false });
    expect(await (await other.call('GET', `/withings/status/${user()}`)).json()).toEqual({ connected: true });
  });
});
