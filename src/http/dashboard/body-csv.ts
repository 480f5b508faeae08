import type { AuthorizedRequest } from '../../broker/access/authenticate.ts';
import { readMetrics } from '../../broker/metrics/read-metrics.ts';
import { localDay } from '../../domain/metrics/local-time.ts';
import { selectMetrics } from '../../domain/metrics/metric-query.ts';
import type { MetricValue } from '../../domain/metrics/metric-value.ts';
import { rangeBetween } from '../../domain/metrics/time-range.ts';
import { ok } from '../../domain/result.ts';
import { DAY_MS, SECOND_MS } from '../../domain/time.ts';
import { valuesAsCsv } from '../api/metrics/csv.ts';
import { answerCsv } from '../api/metrics/representation.ts';
import { RANGES, shownOf, USUAL } from './body-data.ts';
import type { DashboardContext } from './context.ts';
import { answerFailure } from './failure.tsx';

/** Of one file, which the Worker writes at once. */
export const MAX_VALUES = 10_000;

/**
 * Answers with a user's values as a file, newest first. They are those of the page's range and of the picked metric, of
 * the usual ones, or of `all`.
 */
export const answerBodyCsv = async (c: DashboardContext, user: AuthorizedRequest): Promise<Response> => {
  const { range, metric, ambiguous } = shownOf((name) => c.req.query(name));
  const { days } = RANGES[range];
  const selection = selectMetrics(metric === undefined ? USUAL : [metric], { segments: true, ambiguous });
  if (!selection.ok) {
    const detail = 'It has a name that no metric has.';
    return answerFailure(c, { kind: 'invalid_parameter', parameter: 'metric', detail });
  }
  const nowSeconds = Math.floor(c.get('deps').now() / SECOND_MS);
  const from = days === undefined ? undefined : { seconds: nowSeconds - (days * DAY_MS) / SECOND_MS };
  const page =
    user.connection === undefined
      ? ok({ values: [] as MetricValue[], next: undefined })
      : await readMetrics(c.get('deps'), user.connection.id, {
          selection: selection.value,
          ...rangeBetween(from, { seconds: nowSeconds + DAY_MS / SECOND_MS }),
          order: 'desc',
          limit: MAX_VALUES,
          after: undefined,
        });
  if (!page.ok) return answerFailure(c, page.failure);
  const { values, next } = page.value;
  const shown = values.map(({ measuredAtSeconds, timeZone }) => localDay(measuredAtSeconds, timeZone));
  const table = valuesAsCsv(values, 'metric', { separator: 'comma', decimal: 'point' });
  return answerCsv(c, table, { userId: user.userId, days: shown, isWhole: next === undefined });
};
