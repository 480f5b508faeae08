import type { AppId } from '../../domain/app-id.ts';
import type { EpochMs } from '../../domain/time.ts';
import type { Db } from '../d1.ts';

/** What endpoints answered. It may quote what was sent, and whom it quotes cannot be told. */

/** The statement that deletes all answers of an app's endpoints; the attempts stay. */
export const forgetAnswersStatement = (db: Db, appId: AppId, now: EpochMs): D1PreparedStatement =>
  answersStatement(db, { text: '?1', bound: appId }, now + 1);

/** The statement that deletes the answers from before a time. Raw SQL: the attempts are JSON. */
export const answersStatement = (db: Db, app: { text: string; bound: string }, before: EpochMs): D1PreparedStatement =>
  db.d1
    .prepare(
      `UPDATE webhook_endpoints SET attempts = (SELECT json_group_array(json(value)) FROM (
         SELECT iif(value ->> 'at' < ?2, json_remove(value, '$.answer'), value) AS value
         FROM json_each(webhook_endpoints.attempts) ORDER BY key))
       WHERE app_id = ${app.text} AND EXISTS (
         SELECT 1 FROM json_each(attempts) WHERE value ->> 'at' < ?2 AND value ->> 'answer' IS NOT NULL)`,
    )
    .bind(app.bound, before);
