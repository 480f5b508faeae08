import type { Settings } from '../../src/simulator/settings.ts';
import { callback, connect, personOf, standingSimulator, START_SECONDS, subscribe } from './driver.ts';

/** Nora is subscribed to; her callback answers with `status.now`, or not at all if that is undefined. */
export const start = async (settings: Partial<Settings> = {}, applis = [1, 2, 4]) => {
  const status: { now: number | undefined } = { now: 200 };
  const { outgoing, reached, pushes } = callback(() => status.now);
  const simulator = standingSimulator({ settings, outgoing });
  const { access_token: token } = await connect(simulator);
  await subscribe(simulator, token, ...applis);
  reached.length = 0;
  const nora = personOf(simulator, 'nora');
  const weigh = (weightKg = 70, date = START_SECONDS - 100) => simulator.state.weighIns.add(nora, { weightKg, date });
  const { subscriptions } = simulator.state.notifications;
  return { simulator, token, status, reached, pushes, nora, weigh, subscriptions };
};

/** The push of one measurement at this moment, in Unix seconds. */
export const push = (date: number, appli = 1) => ({
  userid: '38204117',
  startdate: String(date - 1),
  enddate: String(date),
  appli: String(appli),
});
