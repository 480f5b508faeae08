import type { DayActivity } from '../../../domain/activity.ts';
import { DAY_MS, utcDate } from '../../../domain/time.ts';
import { DayBars } from '../plot/day-bars.tsx';
import { DayDelays } from '../plot/day-delays.tsx';

/** Pushes, syncs and refreshes by day, and how long weigh-ins took to be stored. */
export const Activity = ({
  days,
  none,
  hint,
}: {
  days: readonly DayActivity[];
  /** The text if there is nothing to show. */
  none: string;
  /** The connections that were counted, if not all. */
  hint: string | undefined;
}) => (
  <section aria-labelledby="activity">
    <h2 id="activity">Last 30 days</h2>
    {days.every(({ synced, refreshed }) => synced + refreshed === 0) ? (
      <p class="empty">{none}</p>
    ) : (
      <>
        <div class="plots">
          <DayBars
            title="Pushes, syncs, refreshes"
            days={days.map(dateOf)}
            series={[
              { name: 'Pushes', counts: days.map(({ pushed }) => pushed) },
              { name: 'Syncs', counts: days.map(({ synced }) => synced) },
              { name: 'Refreshes', counts: days.map(({ refreshed }) => refreshed) },
            ]}
          />
          <DayDelays
            title="From weigh-in to stored"
            days={days.map((one) => ({ day: dateOf(one), delays: one.delays }))}
          />
        </div>
        <p class="hint">
          A push of Withings counts once it led to a sync. The time to stored begins when Withings had the weigh-in.{' '}
          {hint}
        </p>
      </>
    )}
  </section>
);

const dateOf = ({ day }: DayActivity): string => utcDate(day * DAY_MS);
