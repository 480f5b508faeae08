import type { Read, Written } from './contract.ts';
import { type Answer, appPath, type Broker, type Query, send } from './send.ts';

/** Body data of one user, and the changes of all. */

/** The query's parameters; those with a default are optional. */
export type MetricQuery = InJson<Written<'metricQuery'>>;
export type PeriodQuery = InJson<Written<'metricPeriodsQuery'>>;
/** This client reads JSON. */
type InJson<Query> = Omit<Partial<Query>, 'format' | 'separator' | 'decimal'>;

const ask = <Value>(broker: Broker, appId: string, userId: string, rest: readonly string[], query: object) =>
  send<Value>(broker, 'GET', appPath(appId, 'metrics', userId, ...rest), { query: query as Query });

/** A page of values. For the next one, send its `next_cursor` with the same query. */
export const listMetrics = (
  broker: Broker,
  appId: string,
  userId: string,
  query: MetricQuery = {},
): Promise<Answer<Read<'metricList'>>> => ask(broker, appId, userId, [], query);

/** The newest value of each metric. */
export const getLatestMetrics = (
  broker: Broker,
  appId: string,
  userId: string,
  query: InJson<Written<'latestQuery'>> = {},
): Promise<Answer<Read<'latestMetrics'>>> => ask(broker, appId, userId, ['latest'], query);

/** How much each metric changed between two moments. */
export const getMetricChanges = (
  broker: Broker,
  appId: string,
  userId: string,
  query: InJson<Written<'metricChangesQuery'>> = {},
): Promise<Answer<Read<'metricChanges'>>> => ask(broker, appId, userId, ['delta'], query);

/** Values by the user's local day. */
export const getDailyMetrics = (
  broker: Broker,
  appId: string,
  userId: string,
  query: PeriodQuery = {},
): Promise<Answer<Read<'metricPeriods'>>> => ask(broker, appId, userId, ['daily'], query);

export const getWeeklyMetrics = (
  broker: Broker,
  appId: string,
  userId: string,
  query: PeriodQuery = {},
): Promise<Answer<Read<'metricPeriods'>>> => ask(broker, appId, userId, ['weekly'], query);

export const getMonthlyMetrics = (
  broker: Broker,
  appId: string,
  userId: string,
  query: PeriodQuery = {},
): Promise<Answer<Read<'metricPeriods'>>> => ask(broker, appId, userId, ['monthly'], query);

export const getMetricCatalog = (
  broker: Broker,
  appId: string,
  userId: string,
): Promise<Answer<Read<'metricCatalog'>>> => ask(broker, appId, userId, ['catalog'], {});

/**
 * The changes of all of an app's users. Store `next_cursor` and continue from it, at once while `has_more` is true.
 * Backends only.
 */
export const listChanges = (
  broker: Broker,
  appId: string,
  query: Partial<Written<'changesQuery'>> = {},
): Promise<Answer<Read<'changesPage'>>> => send(broker, 'GET', appPath(appId, 'changes'), { query: query as Query });
