import { DAY_MS, type EpochMs, HOUR_MS, MINUTE_MS } from '../../../domain/time.ts';

/** A moment as people say it, with the exact time behind it. */
export const Ago = ({ at, now }: { at: EpochMs | undefined; now: EpochMs }) =>
  at === undefined ? <span class="none">never</span> : <Exact at={at}>{ago(at, now)}</Exact>;

/** A moment to the minute, in UTC. */
export const Moment = ({ at }: { at: EpochMs }) => <Exact at={at}>{`${utcMinute(at)} UTC`}</Exact>;

const Exact = ({ at, children }: { at: EpochMs; children: string }) => (
  <time datetime={new Date(at).toISOString()} title={`${utcMinute(at)} UTC`}>
    {children}
  </time>
);

const utcMinute = (at: EpochMs): string => new Date(at).toISOString().slice(0, 16).replace('T', ' ');

/** Distance of a moment from now, rounded down to its largest unit. */
const ago = (at: EpochMs, now: EpochMs): string => {
  const distance = Math.abs(now - at);
  const [size, unit] =
    distance < HOUR_MS
      ? [MINUTE_MS, 'minute' as const]
      : distance < DAY_MS
        ? [HOUR_MS, 'hour' as const]
        : [DAY_MS, 'day' as const];
  const count = Math.trunc((at - now) / size);
  if (count === 0) return 'just now';
  return new Intl.RelativeTimeFormat('en', { numeric: 'always' }).format(count, unit);
};
