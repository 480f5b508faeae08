import { beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { authPath, connect, consent, makeApp, openLink, WEB, WOMOJI } from '../support/broker.ts';
import { type Endings, errorOf, startEndings } from '../support/link-endings.ts';
import { changingNothing } from '../support/problem.ts';

/** A callback that comes again, and a link of another account. */

let endings: Endings;
beforeAll(async () => {
  endings = await startEndings();
});
beforeEach(() => endings.next());

describe('a state used again', () => {
  test('gets the first one’s outcome, without a second exchange', async () => {
    const { finish } = await endings.consented();
    expect((await finish()).headers.get('Location')).toBe(WOMOJI);
    expect((await changingNothing(finish)).headers.get('Location')).toBe(WOMOJI);
    expect(endings.sent.count()).toBe(1);
  });

  test('with another person’s code gets the first one’s outcome all the same', async () => {
    const { url, finish } = await endings.consented();
    await finish();
    const other = await endings.consented();
    const swapped = new URL(url);
    swapped.searchParams.set('code', new URL(other.url).searchParams.get('code') ?? '');
    expect((await changingNothing(() => finish(swapped.href))).headers.get('Location')).toBe(WOMOJI);
    expect(endings.sent.count()).toBe(1);
  });

  test.each([
    ['confirm', 'in the same browser'],
    ['session', 'in another browser than it was opened in'],
  ])('under %s, %s, says that the ticket went with the first answer', async (policy) => {
    await endings.broker.manage('PATCH', `/apps/${endings.app.id}`, { link_policy: policy });
    const path = await endings.app.sessionLink(endings.user());
    const { authorizeUrl, cookies } = await openLink(endings.broker, path);
    const url = await consent(endings.broker, authorizeUrl, 'nora');
    const headers = policy === 'session' ? undefined : { Cookie: cookies };
    const finish = () => endings.broker.request(url, headers && { headers });
    const [first, ...more] = [await finish(), await finish(), await finish()];
    await endings.broker.manage('PATCH', `/apps/${endings.app.id}`, { link_policy: 'open' });
    expect(first?.headers.get('Location')).toContain(`${WOMOJI}?ticket=`);
    expect(more.map((answer) => errorOf(answer))).toEqual(['ticket_already_sent', 'ticket_already_sent']);
    expect(endings.sent.count()).toBe(1);
  });

  test('after a denial stays denied', async () => {
    const { url, finish } = await endings.consented('deny');
    await finish();
    const response = await changingNothing(() => finish(url.replace(/error=\w+/, 'code=abc')));
    expect(errorOf(response)).toBe('access_denied');
    expect(endings.sent.count()).toBe(0);
  });

  test.each([
    ['open', WOMOJI],
    ['confirm', WOMOJI],
  ])('20 times at once makes one token request (%s policy), and only one answer has a ticket', async (policy, to) => {
    await endings.broker.manage('PATCH', `/apps/${endings.app.id}`, { link_policy: policy });
    const { finish } = await endings.consented();
    const answers = await Promise.all(Array.from({ length: 20 }, () => finish()));
    await endings.broker.manage('PATCH', `/apps/${endings.app.id}`, { link_policy: 'open' });
    const locations = answers.map((answer) => answer.headers.get('Location') ?? '');
    expect(endings.sent.count()).toBe(1);
    expect(new Set(locations.map((location) => location.split('?')[0]))).toEqual(new Set([to]));
    const [tickets, errors] = ['?ticket=', '?error=ticket_already_sent&'].map((part) =>
      locations.filter((location) => location.includes(part)),
    );
    // A bare success is for who is connected.
    expect([tickets?.length, errors?.length]).toEqual(policy === 'confirm' ? [1, 19] : [0, 0]);
  });

  test('20 times at once, refused by Withings, ends 20 times the same', async () => {
    const { finish } = await endings.consented();
    endings.broker.simulator.state.faults.add({ kind: 'reject', action: 'requesttoken' });
    const answers = await changingNothing(() => Promise.all(Array.from({ length: 20 }, () => finish())));
    expect(answers.map((answer) => errorOf(answer))).toEqual(Array(20).fill('code_rejected'));
    expect(endings.sent.count()).toBe(1);
  });
});

describe('another account', () => {
  test('does not replace a live connection through an open link', async () => {
    await connect(endings.broker, endings.app, endings.user(), 'nora');
    const { authorizeUrl } = await openLink(endings.broker, authPath(endings.app, endings.user()));
    const url = await consent(endings.broker, authorizeUrl, 'walter');
    expect(errorOf(await changingNothing(() => endings.broker.request(url)))).toBe('already_connected');
  });

  test('nor does a link of one app reach another app', async () => {
    const other = await makeApp(endings.broker, 'Other');
    const { authorizeUrl } = await openLink(endings.broker, authPath(other, endings.user(), WEB));
    const url = await consent(endings.broker, authorizeUrl, 'walter');
    const { url: own, finish } = await endings.consented();
    const swapped = new URL(own);
    swapped.searchParams.set('state', new URL(url).searchParams.get('state') ?? '');
    // The state alone says where the answer goes and whom it links.
    expect((await finish(swapped.href)).headers.get('Location')).toBe(WEB);
    const ownStatus = await endings.app.call('GET', `/withings/status/${endings.user()}`);
    expect(await ownStatus.json()).toEqual({ connected: false });
    expect(await (await other.call('GET', `/withings/status/${endings.user()}`)).json()).toEqual({ connected: true });
  });
});
