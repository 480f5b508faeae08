import { END_OF_TIME_SECONDS, isNewestFirst } from './history.ts';
import type { SyncPosition, SyncQuestion } from './sync.ts';
import type { EpochSeconds } from './time.ts';

/**
 * A part for an answer that holds more groups than one invocation has CPU for: the newest ones. The next request ends
 * where the part does. So the answer has to be newest first, and the part has to end before the stretch does. Otherwise
 * all of the answer is read. Changes are always read whole: Withings orders them by when they were modified.
 *
 * @param most how many groups, or a few more
 * @returns how many groups to read, by when each was measured (`NaN` if that cannot be read); undefined for all of them
 */
export const partOfHistory = ({ history }: SyncPosition, question: SyncQuestion, most: number) => {
  if (question.kind !== 'stretch' || question.offset !== undefined) return undefined;
  const untilSeconds = history?.untilSeconds ?? END_OF_TIME_SECONDS;
  return (measuredSeconds: readonly EpochSeconds[]): number => {
    const whole = measuredSeconds.length;
    if (whole <= most || !isNewestFirst(measuredSeconds)) return whole;
    const isEnd = (seconds: EpochSeconds, index: number) =>
      index + 1 >= most && seconds > 0 && seconds + 1 < untilSeconds;
    return measuredSeconds.findIndex(isEnd) + 1 || whole;
  };
};
