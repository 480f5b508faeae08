import { runInNewContext } from 'node:vm';

import { expect, inject, test } from 'vitest';

import { createConnectSession } from '../../src/client/connections.ts';
import { asAppId } from '../../src/domain/app-id.ts';
import { snippetsFor } from '../../src/http/dashboard/snippets/snippets.ts';
import { locationOf, send } from './client.ts';

/** The dashboard's snippet for the web, run as a page would run it. */

const { ready } = inject('dev');
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

/** Runs it on a page with this query: where it sends the browser, and what it reads from the query. */
const runOnPage = async (code: string, search: string) => {
  let assigned = '';
  const backend = async (path: string, init: RequestInit) => {
    expect([path, init.method]).toEqual(['/your-backend/withings-link', 'POST']);
    const broker = { url: ready.url, credential: ready.api_key };
    const session = await createConnectSession(broker, ready.app_id, { user_id: 'snippet', redirect_uri: WEB });
    return Response.json(session.ok ? session.value : undefined);
  };
  const location = { search, assign: (url: unknown) => (assigned = String(url)) };
  const page = { URL, URLSearchParams, location, userId: 'ada+lovelace', fetch: backend };
  const read: unknown = await runInNewContext(
    `(async () => { ${code}\nreturn [refusal, typeof ticket === 'string' ? ticket : undefined]; })()`,
    page,
  );
  return { assigned, read };
};

test.each(['open', 'session', 'confirm'] as const)(
  'under the policy %s it sends the browser on to Withings, and reads how that ended',
  async (policy) => {
    const { assigned, read } = await runOnPage(snippet(policy), '?error=access_denied&ticket=t1');
    expect(await locationOf(await send(assigned))).toContain('/oauth2_user/authorize2?');
    expect(read).toEqual(['access_denied', policy === 'confirm' ? 't1' : undefined]);
    if (policy !== 'session') expect(new URL(assigned).searchParams.get('user_id')).toBe('ada+lovelace');
  },
);
