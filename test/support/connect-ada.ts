import { type Broker, connect, type TestApp } from './broker.ts';

/** Links the first simulated person as `ada` and syncs them. */
export const connectAda = async (broker: Broker, app: TestApp): Promise<void> => {
  const [person] = [...broker.simulator.state.people.list()];
  await connect(broker, app, 'ada', person?.id ?? '');
  await app.call('POST', '/withings/sync/ada');
};
