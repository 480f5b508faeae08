import { beforeAll, beforeEach, describe, expect, test } from 'vitest';

import type { Faults } from '../../src/simulator/faults.ts';
import { authPath, connect, consent, openLink, startBroker, WEB, WOMOJI } from '../support/broker.ts';
import { type Endings, errorOf, startEndings } from '../support/link-endings.ts';
import { changingNothing } from '../support/problem.ts';

/**
 * How a link with a good state ends at the app when it does not end well: with a word of a closed list, and nothing
 * kept.
 */

let endings: Endings;
beforeAll(async () => {
  endings = await startEndings();
});
beforeEach(() => endings.next());

describe('a person who does not allow access', () => {
  test.each([WOMOJI, WEB])('is sent back to %s with access_denied, and nothing is exchanged', async (redirectUri) => {
    const { finish } = await endings.consented('deny', redirectUri);
    const response = await changingNothing(finish);
    expect(errorOf(response, redirectUri)).toBe('access_denied');
    expect(endings.sent.count()).toBe(0);
  });

  test('is sent back when Withings says so by a state without a code', async () => {
    const { authorizeUrl } = await openLink(endings.broker, authPath(endings.app, endings.user()));
    const state = new URL(authorizeUrl).searchParams.get('state');
    const response = await changingNothing(() => endings.broker.request(`/withings/callback?state=${state}`));
    expect(errorOf(response)).toBe('access_denied');
  });

  test('never carries words of Withings to the app', async () => {
    const { authorizeUrl } = await openLink(endings.broker, authPath(endings.app, endings.user()));
    const state = new URL(authorizeUrl).searchParams.get('state');
    const query = `error=evil_code&error_description=%3Cscript%3E&state=${state}&code=abc`;
    const response = await endings.broker.request(`/withings/callback?${query}`);
    expect(errorOf(response)).toBe('access_denied');
    expect(response.headers.get('Location')).not.toMatch(/evil|<|%3C/);
    expect(endings.sent.count()).toBe(0);
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
    const { finish } = await endings.consented();
    endings.broker.simulator.state.faults.add(fault);
    const response = await changingNothing(finish);
    expect(errorOf(response)).toBe(error);
    expect(endings.sent.count()).toBe(1);
    // The same callback again: the same ending, and the code is not tried a second time.
    expect(errorOf(await changingNothing(finish))).toBe(error);
    expect(endings.sent.count()).toBe(1);
  });

  test('because the code is older than 30 seconds', async () => {
    const { finish } = await endings.consented();
    endings.broker.advance(31_000);
    expect(errorOf(await changingNothing(finish))).toBe('code_rejected');
  });

  test('because it has two codes: none is tried', async () => {
    const { url, finish } = await endings.consented();
    expect(errorOf(await changingNothing(() => finish(`${url}&code=another`)))).toBe('access_denied');
    expect(endings.sent.count()).toBe(0);
  });

  test.each([
    ['something else than measurements', ['user.activity']],
    ['nothing at all', []],
  ])('because the person allowed %s', async (_, allowedScopes) => {
    const asking = await startBroker({ bindings: { WITHINGS_SCOPE: 'user.metrics,user.activity' } });
    const nora = asking.simulator.state.people.find('nora');
    if (nora) nora.allowedScopes = allowedScopes;
    const response = await changingNothing(() => connect(asking, endings.app, endings.user(), 'nora'));
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
    expect((await connect(silent, endings.app, endings.user(), 'nora')).headers.get('Location')).toBe(WOMOJI);
    const shown = await endings.app.call('GET', `/withings/connections/${endings.user()}`);
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
  const { authorizeUrl } = await openLink(slow, authPath(endings.app, endings.user()));
  void slow.request(await consent(slow, authorizeUrl, 'nora'));
  await expect.poll(() => slow.simulator.state.grants.all().length).toBe(1);
  const settled = slow.settle();
  release();
  // What the platform waits for when no client waits for the answer.
  await settled;
  const status = await endings.app.call('GET', `/withings/status/${endings.user()}`);
  expect(await status.json()).toEqual({ connected: true });
});
