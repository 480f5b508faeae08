import { CARRIED_TABLES, carryOver, RESTORED_TABLES } from '../../scripts/restore/carry-over.ts';
import { tick } from '../../src/cron.ts';
import { mintCredential } from '../../src/crypto/credential.ts';
import { http } from '../../src/http/app.ts';
import { dumpOf } from '../deploy/cloudflare-time-travel.ts';
import { APP_ID, PUBLIC_URL } from '../interleavings/names.ts';
import { createWorld } from '../interleavings/world.ts';

/** The broker's own routes and ticks over SQLite, whose database can be taken back to an earlier time. */

const REDIRECT_URI = 'https://app.example.com/done';
const OPERATOR = `Bearer ${await mintCredential('operator', (size) => new Uint8Array(size))}`;

export const startBroker = async (users: readonly string[]) => {
  const world = createWorld(users);
  const { database, simulator } = world;
  const request = async (
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: object,
  ): Promise<Response> => {
    const init = { method, headers: { ...headers, ...(body !== undefined && { 'Content-Type': 'application/json' }) } };
    let answer: Response | undefined;
    world.invoke(`${method} ${path}`, async (deps) => {
      const sent = new Request(new URL(path, PUBLIC_URL), {
        ...init,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      answer = await http.fetch(sent, { deps });
    });
    await world.settle();
    if (answer === undefined) throw new Error(`${method} ${path} was not answered`);
    return answer;
  };
  const manage = async (method: string, path: string, body?: object) =>
    request(method, `/apps/${APP_ID}${path}`, { Authorization: OPERATOR }, body);
  const newKey = async () =>
    (await manage('POST', '/keys', { name: 'k' })).json() as Promise<{ id: string; key: string }>;
  await manage('PUT', '/redirect-uris', { uri: REDIRECT_URI });
  const { key } = await newKey();
  const asApp = async (method: string, path: string, withKey = key) =>
    request(method, `/apps/${APP_ID}${path}`, { 'X-API-Key': withKey });
  const weighed = new Map<string, number>();
  const rows = (sql: string) => database.prepare(sql).all();

  return {
    violations: world.observer.violations,
    rows,
    newKey,
    isGood: async (withKey: string) => (await asApp('GET', '/withings/status/ada', withKey)).status === 200,
    revoke: async (id: string) => manage('DELETE', `/keys/${id}`),
    /** Consents at Withings, as the user's browser does. */
    link: async (user: string): Promise<void> => {
      const auth = await request(
        'GET',
        `/apps/${APP_ID}/withings/auth?user_id=${user}&redirect_uri=${encodeURIComponent(REDIRECT_URI)}`,
        {},
      );
      const cookies = auth.headers.getSetCookie().map((cookie) => cookie.split(';')[0]);
      const consented = await simulator.fetch(auth.headers.get('Location') ?? '', {
        method: 'POST',
        redirect: 'manual',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ person: user, decision: 'allow' }).toString(),
      });
      await request('GET', consented.headers.get('Location') ?? '', { Cookie: cookies.join('; ') });
    },
    sync: async (user: string) => (await asApp('POST', `/withings/sync/${user}`)).status,
    /** What changed since a cursor, or at all. */
    changes: async (cursor?: string) => {
      const answer = await asApp('GET', `/changes${cursor === undefined ? '' : `?cursor=${cursor}`}`);
      return (await answer.json()) as { data: { user_id: string; reset?: true }[]; next_cursor: string };
    },
    disconnect: async (user: string) => asApp('DELETE', `/withings/disconnect/${user}`),
    erase: async (user: string) => asApp('DELETE', `/users/${user}`),
    weigh: (user: string): void => {
      const person = simulator.state.people.find(user);
      if (person === undefined) throw new Error(`nobody is ${user}`);
      simulator.state.weighIns.add(person, { weightKg: 60 });
      weighed.set(user, (weighed.get(user) ?? 0) + 1);
    },
    /** How often a user has weighed in. */
    weighIns: (user: string): number => weighed.get(user) ?? 0,
    tick: async (): Promise<void> => {
      world.invoke('tick', (deps) => tick(deps));
      await world.settle();
    },
    advance: world.advance,
    /** What tables hold, in one order. */
    stored: (tables: readonly string[]) => dumpOf(database, tables, true).split('\n').toSorted(),
    snapshot: () => dumpOf(database, [...RESTORED_TABLES, ...CARRIED_TABLES], true),
    /** Takes the database back, and carries over what is newer, as `npm run restore` does. */
    restore: (snapshot: string): void => {
      const newer = dumpOf(database, CARRIED_TABLES, true);
      for (const table of [...RESTORED_TABLES, ...CARRIED_TABLES]) database.exec(`DELETE FROM ${table}`);
      database.exec(snapshot);
      const earlier = dumpOf(database, CARRIED_TABLES, true);
      database.exec(`BEGIN; ${carryOver({ newer, earlier }, world.now()).sql} COMMIT`);
    },
    /** The tables of the schema. */
    tables: () =>
      rows(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'`).map(({ name }) =>
        String(name),
      ),
  };
};
export type Broker = Awaited<ReturnType<typeof startBroker>>;
