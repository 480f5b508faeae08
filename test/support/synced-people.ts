import { connect, makeApp, startBroker } from './broker.ts';

/** A broker with people of the simulator, connected under their own names and synced. */

export type SyncedValue = {
  metric: string;
  value: number;
  unit: string;
  measured_at: string;
  group_id: number;
  segment?: string;
  source: { attribution: string };
};

export const startSynced = async (persons: readonly string[]) => {
  const broker = await startBroker();
  const app = await makeApp(broker);
  for (const person of persons) {
    await connect(broker, app, person, person);
    await app.call('POST', `/withings/sync/${person}`);
  }
  const get = async (path: string, headers: Record<string, string> = {}) =>
    broker.request(`/apps/${app.id}/metrics/${path}`, { headers: { 'X-API-Key': app.key, ...headers } });
  return {
    broker,
    app,
    get,
    values: async <Row = SyncedValue>(path: string) => (await (await get(path)).json<{ data: Row[] }>()).data,
    personOf: (id: string) => {
      const person = broker.simulator.state.people.find(id);
      if (person === undefined) throw new Error(`no ${id}`);
      return person;
    },
  };
};
export type Synced = Awaited<ReturnType<typeof startSynced>>;
