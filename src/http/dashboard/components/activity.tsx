import type { DayActivity } from '../../../domain/activity.ts';
import { DAY_MS } from '../../../domain/time.ts';
import { DayBars } from '../plot/day-bars.tsx';

/** Syncs and refreshes by day, as bars. */
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
      <DayBars title="Syncs and refreshes" labels={['Syncs', 'Refreshes']} days={days.map(countsOf)} />
    )}
    {hint !== undefined && <p class="hint">{hint}</p>}
  </section>
);

const countsOf = ({ day, synced, refreshed }: DayActivity) => ({
  day: new Date(day * DAY_MS).toISOString().slice(0, 10),
  first: synced,
  second: refreshed,
});
