import { runInNewContext } from 'node:vm';

import { expect, test } from 'vitest';

import { createConnectSession } from '../../src/client/connections.ts';
import { asAppId } from '../../src/domain/app-id.ts';
import { snippetsFor } from '../../src/http/dashboard/snippets/snippets.ts';
import { locationOf, send } from './client.ts';
import { ready } from './shared.ts';

/** The dashboard's snippet for the web, run as a page would run it. */

const WEB = 'https://womoji.example/withings/done';

const snippet = (linkPolicy: 'open' | 'session' | 'confirm'): string => {
  const values = {
    origin: ready.url,
    appId: asAppId(ready.app_id),
    uris: ['womoji://withings/success', WEB],
    linkPolicy,
  };
  return snippetsFor(values).find(({ platform }) => platform === 'Web')?.code ?? '';
};

/** Runs it on a page to which the browser comes back with this query: where it sends the browser, and what it reads. */
const runOnPage = async (code: string, searchFor: (state: string) => string) => {
  let assigned = '';
  const kept = new Map<string, string>();
  const sessionStorage = {
    setItem: (key: string, value: string) => kept.set(key, value),
    getItem: (key: string) => kept.get(key) ?? null,
  };
  const backend = async (path: string, init: { method: string; body: URLSearchParams }) => {
    expect([path, init.method]).toEqual(['/your-backend/withings-link', 'POST']);
    const broker = { url: ready.url, credential: ready.api_key };
    const link = { user_id: 'snippet', redirect_uri: WEB, state: init.body.get('state') ?? '' };
    const session = await createConnectSession(broker, ready.app_id, link);
    return Response.json(session.ok ? session.value : undefined);
  };
  const location = {
    assign: (url: unknown) => (assigned = String(url)),
    get search() {
      return searchFor([...kept.values()].join());
    },
  };
  const page = { URL, URLSearchParams, crypto, sessionStorage, location, userId: 'ada+lovelace', fetch: backend };
  const read: unknown = await runInNewContext(
    `(async () => { ${code}\nreturn [refusal, typeof ticket === 'string' ? ticket : undefined]; })()`,
    page,
  );
  return { assigned, read };
};

test.each(['open', 'session', 'confirm'] as const)(
  'under the policy %s it sends the browser on to Withings, and reads how that ended',
  async (policy) => {
    const answer = (state: string) => `?error=access_denied&ticket=t1&state=${state}`;
    const { assigned, read } = await runOnPage(snippet(policy), answer);
    expect(await locationOf(await send(assigned))).toContain('/oauth2_user/authorize2?');
    expect(read).toEqual(['access_denied', policy === 'confirm' ? 't1' : undefined]);
    if (policy !== 'session') expect(new URL(assigned).searchParams.get('user_id')).toBe('ada+lovelace');
  },
);

test.each(['open', 'session', 'confirm'] as const)(
  'under the policy %s it takes no answer without the state that it sent',
  async (policy) => {
    for (const forged of ['?error=access_denied', '?ticket=t1&state=another', '']) {
      await expect(runOnPage(snippet(policy), () => forged)).rejects.toThrow('Not the answer to this link');
    }
  },
);
