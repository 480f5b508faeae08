import type { Failure } from '../../domain/failure.ts';
import type { Plan } from '../../domain/plan.ts';
import { ok, type Result } from '../../domain/result.ts';
import type { Rows } from '../../domain/rows-used.ts';
import { type Resources, resources } from '../../store/operator/resources.ts';
import type { ShareName } from '../../store/tokens/withings-quota.ts';
import type { Deps } from '../deps.ts';

/** Apps and users are counted up to here. */
export const MAX_HELD = 10_000;

/** What the broker holds and uses, and the limits of each. */
export type ShownResources = Omit<Resources, 'requests'> & {
  databaseMaxBytes: number;
  plan: Plan;
  rowsADay: Rows;
  quota: { name: ShareName; inUse: number; perMinute: number }[];
};

/** Reads what the broker holds and uses now. */
export const showResources = async (deps: Deps): Promise<Result<ShownResources, Failure>> => {
  const { shares, alarms, plan, rowsADay } = deps.settings;
  const found = await resources(deps.db, shares, MAX_HELD, deps.now());
  if (!found.ok) return found;
  const { requests, ...held } = found.value;
  const quota = (Object.entries(requests) as [ShareName, number][]).map(([name, inUse]) => ({
    name,
    inUse,
    perMinute: shares[name].requestsPerMinute,
  }));
  return ok({ ...held, databaseMaxBytes: alarms.databaseMaxBytes, plan, rowsADay, quota });
};
