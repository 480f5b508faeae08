import { DAY_MS, type EpochMs, HOUR_MS, MINUTE_MS } from '../../../domain/time.ts';
import { minuteText } from '../date-words.ts';

/** A time relative to now, with the exact time as its title. */
export const Ago = ({ at, now }: { at: EpochMs | undefined; now: EpochMs }) =>
  at === undefined ? <span class="none">never</span> : <Exact at={at}>{ago(at, now)}</Exact>;

/** A time to the minute. The page's script shows it in the reader's zone. */
export const Moment = ({ at }: { at: EpochMs }) => <Exact at={at} isMoment>{`${utcMinute(at)} UTC`}</Exact>;

const Exact = ({ at, isMoment, children }: { at: EpochMs; isMoment?: boolean; children: string }) => (
  <time
    datetime={new Date(at).toISOString()}
    data-moment={isMoment === true ? '' : undefined}
    title={`${utcMinute(at)} UTC`}
  >
    {children}
  </time>
);

const utcMinute = (at: EpochMs): string => minuteText(new Date(at).toISOString());

const UNITS = [
  [365 * DAY_MS, 'year'],
  [30 * DAY_MS, 'month'],
  [DAY_MS, 'day'],
  [HOUR_MS, 'hour'],
  [MINUTE_MS, 'minute'],
] as const;

/** Months and years are used from two of them on: "45 days" is more exact than "1 month". */
const mostBefore = (unit: (typeof UNITS)[number][1]): number => (unit === 'year' || unit === 'month' ? 2 : 1);

/** The distance from now in the largest fitting unit, rounded. */
const ago = (at: EpochMs, now: EpochMs): string => {
  const distance = Math.abs(now - at);
  const [size, unit] = UNITS.find(([size, unit]) => distance >= size * mostBefore(unit)) ?? [MINUTE_MS, 'minute'];
  const count = Math.round((at - now) / size);
  return count === 0 ? 'just now' : new Intl.RelativeTimeFormat('en', { numeric: 'always' }).format(count, unit);
};
