/** The times at which something falls due that the cron does. */
export const NEXT_DUE = `SELECT min(at) AS at FROM (
  SELECT min(next_refresh_at) AS at FROM connections UNION ALL SELECT min(sync_resume_at) FROM connections
  UNION ALL SELECT min(next_review_at) FROM connections
  UNION ALL SELECT min(due_at) FROM waiting_pushes UNION ALL SELECT min(due_at) FROM subscriptions)`;

/** What has to be done by then: a push to sync, a history to read, a step of a subscription. Refreshes have schedules of their own. */
export const IS_LEFT = `SELECT EXISTS (SELECT 1 FROM waiting_pushes) OR EXISTS (SELECT 1 FROM connections WHERE sync_resume_at <= ?1)
  OR EXISTS (SELECT 1 FROM subscriptions WHERE due_at <= ?1) AS isLeft`;
