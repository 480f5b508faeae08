import { type LiveWorld, startLiveWorld } from './live-world.ts';
import { ENDLESS_SHARE } from './seed.ts';

/**
 * How long a weigh-in takes from Withings' push until an app can read it, and until the app's webhook has verified the
 * event. The clock is the machine's, so the pause in which the broker waits for doubles is part of it.
 */

/** Milliseconds, one for each weigh-in. */
export type LiveTimes = { readable: number[]; event: number[] };
/** With requests left in the syncs' share, and with none when the push arrives. */
export type Live = { withShare: LiveTimes; withoutShare: LiveTimes };

/** Between two pushes while the share is lifted: at least twice as many as the default share carries. */
const BETWEEN_MS = 1_000;
/** A weigh-in that is not readable yet is asked for so often: more of it would slow down what is measured. */
const POLL_MS = 200;
const GIVE_UP_MS = 180_000;
const TICK_MS = 60_000;
/** As many as a tick of the free plan pulls, if the refreshes leave it the calls. */
const PEOPLE_WITHOUT_SHARE = 4;
/** So long others take each request of the share as it comes back. */
const SPENT_MS = 30_000;
/** The requests that the default share of 32 a minute has at once, and the pause in which one of them comes back. */
const BURST_MS = 8 * 2_500;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const until = async (isSo: () => boolean | Promise<boolean>, what: string): Promise<number> => {
  const end = performance.now() + GIVE_UP_MS;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`${what} did not happen within three minutes`);
    await pause(POLL_MS);
  }
  return performance.now();
};

type Times = { readable: number; event: number };

/** A person steps on the scale; Withings pushes at once. */
const weigh = async (world: LiveWorld, id: string, weightKg: number): Promise<Times> => {
  const { simulator, verifiedAt } = world;
  const person = simulator.state.people.find(id);
  if (person === undefined) throw new Error(`no ${id}`);
  const [group] = simulator.state.weighIns.add(person, { weightKg, weightOnly: true });
  const groupId = group?.grpid ?? 0;
  const pushed = performance.now();
  const delivered = simulator.deliverPushes();
  const [readable] = await Promise.all([
    until(async () => (await world.newestWeight(id)) === weightKg, `the weigh-in of ${id}`),
    until(() => verifiedAt.has(groupId), `the event about ${id}`),
    delivered,
  ]);
  return { readable: readable - pushed, event: (verifiedAt.get(groupId) ?? 0) - pushed };
};

const timesOf = (times: readonly Times[]): LiveTimes => ({
  readable: times.map(({ readable }) => readable),
  event: times.map(({ event }) => event),
});

/** The cron's clock, as long as something is measured. */
const withCron = async <Value>({ broker }: LiveWorld, run: () => Promise<Value>): Promise<Value> => {
  const cron = setInterval(() => void broker.tick(), TICK_MS);
  return run().finally(() => clearInterval(cron));
};

const peopleOf = (count: number): string[] => Array.from({ length: count }, (_, index) => `person-${index}`);

/** One weigh-in a second, of one person after the other. */
const measureWithShare = async (script: string, weighIns: number): Promise<LiveTimes> => {
  const people = peopleOf(Math.min(weighIns, 100));
  const world = await startLiveWorld(script, people, [ENDLESS_SHARE]);
  try {
    const times = await withCron(world, () =>
      Promise.all(
        Array.from({ length: weighIns }, async (_, index) => {
          await pause(index * BETWEEN_MS);
          return weigh(world, people[index % people.length] ?? '', 60 + index / 100);
        }),
      ),
    );
    return timesOf(times);
  } finally {
    await world.stop();
  }
};

/** As many weigh-ins at once as a tick pulls, while others take all that the share gives. */
const measureWithoutShare = async (script: string, rounds: number): Promise<LiveTimes> => {
  if (rounds === 0) return timesOf([]);
  const people = peopleOf(PEOPLE_WITHOUT_SHARE);
  const world = await startLiveWorld(script, people, []);
  const spend = () =>
    world.broker.db
      .prepare(
        `INSERT INTO request_budgets (name, empty_at) VALUES ('sync', ?1) ON CONFLICT (name) DO UPDATE SET empty_at = ?1`,
      )
      .bind(Date.now() + BURST_MS)
      .run();
  const round = async (number: number): Promise<Times[]> => {
    await spend();
    const spending = setInterval(() => void spend(), POLL_MS);
    setTimeout(() => clearInterval(spending), SPENT_MS);
    return Promise.all(people.map((id) => weigh(world, id, 60 + number))).finally(() => clearInterval(spending));
  };
  try {
    return await withCron(world, async () => {
      const times: Times[] = [];
      for (let number = 0; number < rounds; number += 1) times.push(...(await round(number)));
      return timesOf(times);
    });
  } finally {
    await world.stop();
  }
};

/**
 * Measures both.
 *
 * @param script the broker's bundle
 */
export const measureLive = async (
  script: string,
  { weighIns, rounds }: { weighIns: number; rounds: number },
): Promise<Live> => ({
  withShare: await measureWithShare(script, weighIns),
  withoutShare: await measureWithoutShare(script, rounds),
});
