import { env } from 'cloudflare:workers';
import { expect } from 'vitest';

import type { Person } from '../../src/simulator/people/people.ts';
import { type Broker, connect, makeApp, startBroker } from './broker.ts';
import { meterD1 } from './d1-meter.ts';
import { addPerson } from './people.ts';

/** A broker, and people with the measurements that a test gives them. */

type Value = {
  metric: string;
  value: number;
  measured_at: string;
  group_id: number;
  segment?: string;
  source: object;
};
export type Latest = Record<string, Value & { age_seconds: number }>;
export type Measures = [type: number, value: number, unit: number, position?: number][];
export type Weighed = { at: string; kg: number; zone?: string; attrib?: number };
export type Period = {
  period: string;
  first: number;
  last: number;
  mean: number;
  count: number;
  partial: boolean;
  ambiguous: boolean;
  carried_forward: boolean;
};

export const startBodyData = async () => {
  const d1 = meterD1(env.DB);
  const broker = await startBroker({ bindings: { DB: d1.d1 } });
  const app = await makeApp(broker);
  let people = 0;
  /** A new person with these groups, connected and synced under the id that is returned. */
  const connected = async (add: (person: Person) => void, timezone = 'Europe/Oslo'): Promise<string> => {
    // Ten links a minute may be opened from one address.
    broker.advance(10_000);
    people += 1;
    const id = `person-${people}`;
    add(addPerson(broker, id, timezone));
    await connect(broker, app, id, id);
    expect((await app.call('POST', `/withings/sync/${id}`)).status).toBe(200);
    return id;
  };
  const get = async <Body>(path: string): Promise<Body> => {
    const response = await app.call('GET', `/metrics/${path}`);
    expect(response.status).toBe(200);
    return response.json<Body>();
  };
  return {
    d1,
    broker,
    app,
    now: () => Math.floor(broker.now() / 1000),
    connected,
    /** A new person who weighed so much then and there. Their account is in the zone given. */
    weighed: (values: readonly Weighed[], timezone = 'UTC'): Promise<string> =>
      connected((person) => {
        for (const value of values) addWeighed(broker, person, value);
      }, timezone),
    group: (person: Person, date: number, measures: Measures, attrib = 0): number =>
      addGroup(broker, person, date, measures, attrib),
    list: async <Row = Value>(path: string): Promise<Row[]> => (await get<{ data: Row[] }>(path)).data,
    periods: async (path: string): Promise<Period[]> => (await get<{ data: Period[] }>(path)).data,
    latest: async (user: string, query = '') => (await get<{ data: Latest }>(`${user}/latest${query}`)).data,
    get,
  };
};
export type BodyData = Awaited<ReturnType<typeof startBodyData>>;

export const figures = (periods: readonly Period[]) => periods.map(({ period, count, mean }) => [period, count, mean]);

const addGroup = (broker: Broker, person: Person, date: number, measures: Measures, attrib: number): number => {
  const created = Math.floor(broker.now() / 1000);
  return broker.simulator.state.weighIns.addGroup(person, {
    attrib,
    date,
    created,
    modified: created,
    category: 1,
    deviceid: attrib === 2 ? null : 'd'.repeat(40),
    hash_deviceid: attrib === 2 ? null : 'd'.repeat(40),
    measures: measures.map(([type, value, unit, position]) => ({
      value,
      type,
      unit,
      algo: 0,
      fm: 3,
      ...(position !== undefined && { position }),
    })),
    modelid: attrib === 2 ? null : 6,
    model: attrib === 2 ? null : 'Body Cardio',
    comment: null,
  }).grpid;
};

const addWeighed = (broker: Broker, person: Person, { at, kg, zone, attrib = 0 }: Weighed): void => {
  const created = Math.floor(broker.now() / 1000);
  broker.simulator.state.weighIns.addGroup(person, {
    attrib,
    date: Date.parse(at) / 1000,
    created,
    modified: created,
    category: 1,
    deviceid: 'd'.repeat(40),
    hash_deviceid: 'd'.repeat(40),
    measures: [{ value: Math.round(kg * 1e4), type: 1, unit: -4 }],
    modelid: 5,
    model: 'Body+',
    comment: null,
    ...(zone !== undefined && { timezone: zone }),
  });
};
