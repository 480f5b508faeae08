import { env } from 'cloudflare:workers';
import { expect } from 'vitest';

import { authPath, consent, emptyTables, makeApp, openLink, startBroker } from './broker.ts';

/** A broker with an app whose links may lead to Withings' demo account, and a browser that follows them. */
export const startDemo = async (options: Parameters<typeof startBroker>[0] = {}) => {
  await emptyTables();
  const broker = await startBroker(options);
  const app = await makeApp(broker);
  const { demoAccount, people } = broker.simulator.state;

  const set = async (settings: object) =>
    expect((await broker.manage('PATCH', `/apps/${app.id}`, settings)).status).toBe(200);
  const begin = (url: string) => openLink(broker, url);
  const end = async ({ authorizeUrl, cookies }: Awaited<ReturnType<typeof openLink>>, person = 'nora') => {
    const callback = await consent(broker, authorizeUrl, person);
    return (await broker.request(callback, { headers: { Cookie: cookies } })).headers.get('Location') ?? '';
  };

  return {
    broker,
    app,
    demoUserid: String(demoAccount.userid),
    noraUserid: String(people.find('nora')?.userid),
    set,
    begin,
    end,
    link: async (userId: string, person?: string) => end(await begin(authPath(app, userId)), person),
    confirm: (location: string, userId: string) => {
      const ticket = new URL(location).searchParams.get('ticket') ?? '';
      return app.call('POST', '/withings/confirm', { ticket, user_id: userId });
    },
    shown: async (userId: string) =>
      (await app.call('GET', `/withings/connections/${userId}`)).json<{ demo: boolean; conflict: boolean }>(),
    /** The user's connections, those of a person's account first. */
    rows: async (userId: string) => {
      const columns = 'withings_user_id AS account, state, is_current AS current, is_demo AS demo';
      const { results } = await env.DB.prepare(`SELECT ${columns} FROM connections WHERE user_id = ? ORDER BY is_demo`)
        .bind(userId)
        .all();
      return results;
    },
  };
};

export type DemoWorld = Awaited<ReturnType<typeof startDemo>>;
