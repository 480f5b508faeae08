import { type HistoryPosition, SHORTEST_SPAN_SECONDS, startOfStretch, type StretchRequest } from './history.ts';
import { DAY_MS, SECOND_MS, toSeconds } from './time.ts';

/** The first size to try after all of the past at once. */
const REST_SPAN_SECONDS = (2 * 365 * DAY_MS) / SECOND_MS;
/** After so many failures, each in a slice of its own, the shortest stretch is skipped. */
const MAX_FAILURES = 3;
/** After so many skipped stretches the rest of the past is not read. */
const MAX_GAPS = 8;

/** Whether the request was for so little that nothing smaller is worth a request. */
export const isShortest = (history: HistoryPosition, request: StretchRequest): boolean =>
  request.kind === 'stretch' && (history.spanSeconds ?? Infinity) <= SHORTEST_SPAN_SECONDS;

/** Whether the shortest stretch has failed so often that it is skipped, if Withings answers another request. */
export const isHopeless = ({ failures = 0 }: HistoryPosition): boolean => failures >= MAX_FAILURES;

/** The position after a request that could not be answered: the next one asks for less. */
export const historyAfterFailure = (history: HistoryPosition, request: StretchRequest): HistoryPosition => {
  if (request.kind === 'heights') return { ...history, heights: 'read' };
  if (isShortest(history, request)) return { ...history, paged: undefined, failures: (history.failures ?? 0) + 1 };
  const { untilSeconds, startedAt, spanSeconds } = history;
  const { startDateSeconds } = request;
  const asked = startDateSeconds === undefined ? undefined : (untilSeconds ?? toSeconds(startedAt)) - startDateSeconds;
  const wasRest = asked === undefined || asked > 4 * REST_SPAN_SECONDS;
  const smaller = wasRest ? REST_SPAN_SECONDS : Math.min(asked, spanSeconds ?? asked) / 4;
  return {
    ...history,
    paged: undefined,
    spanSeconds: Math.max(SHORTEST_SPAN_SECONDS, Math.floor(Math.min(smaller, spanSeconds ?? Infinity))),
    heights: history.heights ?? (untilSeconds === undefined ? undefined : 'wanted'),
  };
};

/** The position after the stretch that cannot be read is skipped; undefined after too many of them. */
export const historyAfterSkip = (history: HistoryPosition): HistoryPosition | undefined => {
  const gaps = (history.gaps ?? 0) + 1;
  const from = startOfStretch(history);
  if (gaps >= MAX_GAPS || from === undefined || from === history.floorSeconds) return undefined;
  return { ...history, untilSeconds: from, failures: undefined, gaps, spanSeconds: 4 * SHORTEST_SPAN_SECONDS };
};
