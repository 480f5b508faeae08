/** Trips to what is outside the Worker, and which of them wait for one another. */

/** What a trip goes to: the database, KV, Withings. */
export type TripTo = 'd1' | 'kv' | 'withings';

/** What is under way at the same time. The next stage begins after a trip of this one has ended. */
export type Stage = ReadonlySet<TripTo>;

export type TripLog = {
  /** Notes a trip while it lasts. */
  note: <Answer>(to: TripTo, run: () => Promise<Answer>) => Promise<Answer>;
  /**
   * The stages of what has ended since the last reset: as many as the longest row of trips of which each began after
   * the one before had ended. No clock is read. What still runs when an answer is there was not waited for; what ended
   * by then counts, waited for or not.
   */
  stages: () => Stage[];
  /** Forgets the trips so far, those under way included. */
  reset: () => void;
};

type Trip = { to: TripTo; began: number; ended: number };

export const createTripLog = (): TripLog => {
  let trips: Trip[] = [];
  let moments = 0;
  return {
    note: async (to, run) => {
      const trip: Trip = { to, began: (moments += 1), ended: Infinity };
      trips.push(trip);
      try {
        return await run();
      } finally {
        trip.ended = moments += 1;
      }
    },
    stages: () => {
      const stages: Set<TripTo>[] = [];
      let firstEnd = -1;
      for (const { to, began, ended } of trips) {
        if (ended === Infinity) continue;

        if (began > firstEnd) {
          stages.push(new Set());
          firstEnd = ended;
        }
        firstEnd = Math.min(firstEnd, ended);
        stages.at(-1)?.add(to);
      }
      return stages;
    },
    reset: () => {
      trips = [];
    },
  };
};

/** The trips to D1 that were waited for: those beside a request to Withings, which takes longer, were not. */
export const d1InSequence = (stages: readonly Stage[]): number =>
  stages.filter((stage) => stage.has('d1') && !stage.has('withings')).length;
