import { env } from 'cloudflare:workers';
import { expect } from 'vitest';

import { authPath, consent, makeApp, openLink, startBroker, WOMOJI } from './broker.ts';
import { meterFetch } from './meters.ts';

/** A broker whose links end in all ways, each test with a user of its own. */

export const startEndings = async () => {
  const sent = meterFetch();
  const broker = await startBroker({ fetch: sent.wrap, bindings: { WITHINGS_TIMEOUT_MS: '500' } });
  const app = await makeApp(broker);
  let users = 0;
  const user = () => `user-${users}`;
  return {
    sent,
    broker,
    app,
    /** The user of this test. */
    user,
    /** Begins a test. */
    next: async (): Promise<void> => {
      // The brokers of one file have a clock each.
      await env.DB.exec('DELETE FROM request_budgets');
      broker.simulator.state.faults.clear();
      sent.reset();
      users += 1;
    },
    /** A link up to the URL that Withings sends the browser back to. */
    consented: async (decision: 'allow' | 'deny' = 'allow', redirectUri = WOMOJI) => {
      const { authorizeUrl, cookies } = await openLink(broker, authPath(app, user(), redirectUri));
      const url = await consent(broker, authorizeUrl, 'nora', decision);
      return { url, finish: (to = url) => broker.request(to, { headers: { Cookie: cookies } }) };
    },
  };
};
export type Endings = Awaited<ReturnType<typeof startEndings>>;

/** The error that an ending carries, after making sure that it went to the registered string. */
export const errorOf = (response: Response, redirectUri = WOMOJI): string | null => {
  expect(response.status).toBe(302);
  const location = response.headers.get('Location') ?? '';
  expect(location.startsWith(`${redirectUri}?error=`)).toBe(true);
  const { searchParams } = new URL(location);
  expect([...searchParams.keys()]).toEqual(['error', 'error_description']);
  return searchParams.get('error');
};
