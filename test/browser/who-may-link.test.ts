import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import {
  confirmLink,
  createConnectSession,
  getConnection,
  getStatus,
  linkUrl,
  sync,
} from '../../src/client/connections.ts';
import { createApp, createKey, registerRedirectUri, updateApp } from '../../src/client/management.ts';
import { listMetrics } from '../../src/client/metrics.ts';
import type { Answer } from '../../src/client/send.ts';
import { ready } from '../e2e/shared.ts';
import { openPage } from './open-browser.ts';

/**
 * Links opened by another person than their user, in two browsers that share nothing, under each policy. The hijack: the victim
 * consents, and the data is filed under the attacker. The overwrite: the attacker consents under the victim's user id.
 */

const operator = { url: ready.url, credential: ready.admin_token };

/** Who sits at a browser. Their heights, in meters, tell whose data has arrived. */
const HEIGHTS = { victim: 1.61, attacker: 1.93 };
type Who = keyof typeof HEIGHTS;

let site: Server;
/** Where the app is answered: a page of its own, which is all that there is of it here. */
let done: string;

beforeAll(async () => {
  site = createServer((_request, response) => response.end('<!doctype html><h1>Welcome back</h1>'));
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  done = `http://127.0.0.1:${(site.address() as AddressInfo).port}/done`;
});
afterAll(() => site.close());

const valueOf = <Value>(answer: Answer<Value>): Value => {
  if (!answer.ok) throw new Error(JSON.stringify(answer.failure));
  return answer.value;
};
/** The status of a success, the code of a problem. */
const codeOf = (answer: Answer<unknown>): string => {
  if (answer.ok) return `${answer.status}`;
  return answer.failure.kind === 'problem' ? answer.failure.code : answer.failure.kind;
};

/** An app, as its backend sees it. */
const makeApp = async (policy: 'open' | 'session' | 'confirm') => {
  const { id } = valueOf(await createApp(operator, { name: `Two browsers, ${policy}` }));
  const { key } = valueOf(await createKey(operator, id, { name: 'backend' }));
  valueOf(await updateApp(operator, id, { allow_loopback: true, link_policy: policy }));
  valueOf(await registerRedirectUri(operator, id, done));
  const backend = { url: ready.url, credential: key };
  return {
    openLink: (userId: string): string => linkUrl(backend, id, { userId, redirectUri: done }),
    sessionLink: async (userId: string): Promise<string> =>
      valueOf(await createConnectSession(backend, id, { user_id: userId, redirect_uri: done })).auth_url,
    confirm: async (ticket: string | null, userId: string): Promise<string> =>
      codeOf(await confirmLink(backend, id, { ticket: ticket ?? '', user_id: userId })),
    /** What the API says of a user; syncs, so that what could flow has flowed. */
    tells: async (userId: string) => {
      const { connected } = valueOf(await getStatus(backend, id, userId));
      const connection = await getConnection(backend, id, userId);
      const synced = codeOf(await sync(backend, id, userId));
      const { data } = valueOf(await listMetrics(backend, id, userId, { metric: 'height' }));
      const state = connection.ok ? connection.value.state : codeOf(connection);
      return { connected, state, synced, height: data[0]?.value };
    },
    change: async (changed: 'open' | 'session' | 'confirm'): Promise<void> => {
      valueOf(await updateApp(operator, id, { link_policy: changed }));
    },
  };
};
const connectedTo = (who: Who) => ({ connected: true, state: 'active', synced: '200', height: HEIGHTS[who] });
const PENDING = { connected: false, state: 'pending', synced: 'not_connected', height: undefined };
const NOBODY = { connected: false, state: 'not_found', synced: 'not_connected', height: undefined };

let people = 0;

/** Two people, each with an account at Withings and a browser, whose links end at the app's page. */
const twoPeople = async () => {
  people += 1;
  const accounts = { victim: `victim-${people}`, attacker: `attacker-${people}` };
  for (const who of ['victim', 'attacker'] as const) {
    const added = await fetch(`${ready.simulator_url}/_control/people`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ id: accounts[who], height_m: HEIGHTS[who] }),
    });
    expect(added.status).toBe(201);
  }
  const open = async (url: string): Promise<{ page: Page; status: number | undefined }> => {
    const page = await openPage();
    return { page, status: (await page.goto(url))?.status() };
  };
  /** Opens a link or Withings' page and consents there with one's own account; where the browser ends, always at the app. */
  const link = async (who: Who, url: string): Promise<URL> => {
    const { page } = await open(url);
    await page.locator(`input[value="${accounts[who]}"]`).check();
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.getByRole('heading', { name: 'Welcome back' }).waitFor();
    const end = new URL(page.url());
    expect(end.origin + end.pathname).toBe(done);
    return end;
  };
  return {
    link,
    /** Opens a link in one browser, and takes the address of Withings' page to the other one. */
    linkForwarded: async (to: Who, url: string): Promise<URL> => {
      const { page } = await open(url);
      expect(page.url()).toContain(`${ready.simulator_url}/`);
      return link(to, page.url());
    },
    /** Opens a link that goes nowhere. */
    isRefused: async (url: string): Promise<void> => {
      const { page, status } = await open(url);
      expect(status).toBe(403);
      expect(page.url()).toBe(url);
      await page.getByText('connect_session_required').waitFor();
    },
  };
};

const ticketIn = ({ searchParams }: URL): string | null => searchParams.get('ticket');
const errorIn = ({ searchParams }: URL): string | null => searchParams.get('error');

describe('the hijack, in two real browsers', () => {
  test('under open succeeds, which is why the app that has something to lose takes another policy', async () => {
    const app = await makeApp('open');
    const [first, second] = [await twoPeople(), await twoPeople()];
    const [byLink, byPage] = await Promise.all([
      first.link('victim', app.openLink('attacker')),
      second.linkForwarded('victim', app.openLink('attacker-2')),
    ]);
    expect([byLink.href, byPage.href]).toEqual([done, done]);
    expect(await app.tells('attacker')).toEqual(connectedTo('victim'));
    expect(await app.tells('attacker-2')).toEqual(connectedTo('victim'));
  });

  test('under session the link is refused, and what a forwarded Withings page made waits for the backend', async () => {
    const app = await makeApp('session');
    const { link, linkForwarded, isRefused } = await twoPeople();
    await isRefused(app.openLink('attacker'));
    expect(await app.tells('attacker')).toEqual(NOBODY);

    const forwarded = await linkForwarded('victim', await app.sessionLink('attacker'));
    expect(await app.tells('attacker')).toEqual(PENDING);
    // The backend names who is signed in where the ticket arrived, which is the victim.
    expect(await app.confirm(ticketIn(forwarded), 'victim')).toBe('wrong_user');
    expect(await app.tells('attacker')).toEqual(PENDING);

    // An unused session that is passed on links the person who opens it, once. Only `confirm` stops that.
    const session = await app.sessionLink('attacker');
    expect((await link('victim', session)).href).toBe(done);
    expect(errorIn(await link('attacker', session))).toBe('link_not_allowed');
    expect(await app.tells('attacker')).toEqual(connectedTo('victim'));
  });

  test('under confirm nothing flows, whichever way the link came', async () => {
    const app = await makeApp('confirm');
    const { link, linkForwarded } = await twoPeople();
    const ends = await Promise.all([
      link('victim', app.openLink('attacker')),
      linkForwarded('victim', app.openLink('attacker')),
      link('victim', await app.sessionLink('attacker')),
    ]);
    for (const end of ends) {
      expect(ticketIn(end)).toMatch(/^mushu_ticket_/);
      expect(await app.confirm(ticketIn(end), 'victim')).toBe('wrong_user');
    }
    expect(await app.confirm(`mushu_ticket_${'0'.repeat(72)}`, 'attacker')).toBe('not_found');
    expect(await app.tells('attacker')).toEqual(PENDING);
    expect(await app.tells('victim')).toEqual(NOBODY);
  });
});

describe('the overwrite, in two real browsers', () => {
  const connectVictim = async () => {
    const app = await makeApp('open');
    const both = await twoPeople();
    expect((await both.link('victim', app.openLink('victim'))).href).toBe(done);
    expect(await app.tells('victim')).toEqual(connectedTo('victim'));
    return { app, ...both };
  };

  test('under open is told that the user is connected already, and nothing changes', async () => {
    const { app, link, linkForwarded } = await connectVictim();
    const ends = await Promise.all([
      link('attacker', app.openLink('victim')),
      linkForwarded('attacker', app.openLink('victim')),
    ]);
    expect(ends.map(errorIn)).toEqual(['already_connected', 'already_connected']);
    expect(ends.map(ticketIn)).toEqual([null, null]);
    expect(await app.tells('victim')).toEqual(connectedTo('victim'));
  });

  test('under session there is no link to open, and what a forwarded Withings page made waits beside it', async () => {
    const { app, linkForwarded, isRefused } = await connectVictim();
    await app.change('session');
    await isRefused(app.openLink('victim'));
    const forwarded = await linkForwarded('attacker', await app.sessionLink('victim'));
    expect(await app.confirm(ticketIn(forwarded), 'attacker')).toBe('wrong_user');
    expect(await app.tells('victim')).toEqual(connectedTo('victim'));
  });

  test('under confirm it waits beside the live connection, which only the backend replaces', async () => {
    const { app, link, linkForwarded } = await connectVictim();
    await app.change('confirm');
    const [byLink, byPage] = await Promise.all([
      link('attacker', app.openLink('victim')),
      linkForwarded('attacker', app.openLink('victim')),
    ]);
    expect(await app.confirm(ticketIn(byLink), 'attacker')).toBe('wrong_user');
    expect(await app.tells('victim')).toEqual(connectedTo('victim'));

    expect(await app.confirm(ticketIn(byPage), 'victim')).toBe('200');
    expect(await app.tells('victim')).toEqual(connectedTo('attacker'));
  });
});
