import { type DayActivity, lastDays } from '../../domain/activity.ts';
import type { AppId } from '../../domain/app-id.ts';
import type { App } from '../../domain/app.ts';
import type { Failure } from '../../domain/failure.ts';
import { ok, type Result } from '../../domain/result.ts';
import { type AppGlance, appGlances } from '../../store/apps/glances.ts';
import { activityOf } from '../../store/users/activity.ts';
import { countByState, type StateCounts } from '../../store/users/connection-list.ts';
import type { Deps } from '../deps.ts';

/** Users of a state are counted up to this number, so that a page never reads a whole table. */
export const MAX_COUNTED = 10_000;
/** How many users' syncs and refreshes are summed. */
const MAX_SUMMED = 1_000;

/** Figures of an app for its page. */
export type AppOverview = {
  /** Each up to `MAX_COUNTED`. */
  users: StateCounts;
  /** Whether a user's syncs or refreshes fail now. */
  failing: boolean;
  /** The last days, oldest first. */
  activity: DayActivity[];
  /** How many users the activity is of, if it is not of all. */
  activityOfFirst: number | undefined;
};

/** How many users are in which state, and what they did in the last 30 days. */
export const showOverview = async (deps: Deps, appId: AppId): Promise<Result<AppOverview, Failure>> => {
  const [users, activity, glances] = await Promise.all([
    countByState(deps.db, appId, MAX_COUNTED, deps.now()),
    activityOf(deps.db, appId, MAX_SUMMED),
    appGlances(deps.db, [appId], 1),
  ]);
  if (!users.ok) return users;
  if (!activity.ok) return activity;
  if (!glances.ok) return glances;
  return ok({
    users: users.value,
    failing: glances.value.get(appId)?.failing === true,
    activity: lastDays(activity.value.days, deps.now()),
    activityOfFirst: activity.value.users < MAX_SUMMED ? undefined : MAX_SUMMED,
  });
};

export type { AppGlance };

/** Users of each app of a list are counted up to here. */
export const MAX_GLANCED = 100;

/** What a list shows of some apps. */
export const glanceAtApps = (deps: Deps, apps: readonly App[]): Promise<Result<Map<string, AppGlance>, Failure>> =>
  appGlances(
    deps.db,
    apps.map(({ id }) => id),
    MAX_GLANCED,
  );
