import { Hono } from 'hono';
import type * as z from 'zod';

import { type ChangesPosition, readChanges } from '../../../broker/metrics/read-changes.ts';
import type { AppId } from '../../../domain/app-id.ts';
import { asConnectionId } from '../../../domain/connection-id.ts';
import { asUserId } from '../../../domain/user-id.ts';
import type { HttpEnv } from '../../context.ts';
import { answerFailure } from '../../problem.ts';
import { forBackend } from '../admission/admit-backend.ts';
import { valid } from '../validate.ts';
import { changesCursor, changesQuery } from './contract.ts';
import { renderChange } from './render.ts';

/** The changes of all of an app's users, for the app's backend. */
export const changesApi = new Hono<HttpEnv>();

changesApi.get('/', forBackend('read'), valid('query', changesQuery), async (c) => {
  const { appId } = c.get('backend');
  const { cursor, limit } = c.req.valid('query');
  const from = cursor === undefined ? undefined : positionOf(cursor, appId);
  if (cursor !== undefined && from === undefined) {
    const detail = "It is not a cursor of this app's changes. Without one, every user is read from the start.";
    return answerFailure(c, { kind: 'invalid_parameter', parameter: 'cursor', detail });
  }
  const page = await readChanges(c.get('deps'), appId, from, limit);
  if (!page.ok) return answerFailure(c, page.failure);
  const { changes, next, hasMore } = page.value;
  return c.json({
    data: changes.map(renderChange),
    next_cursor: changesCursor.encode(toCursor(next, appId)),
    has_more: hasMore,
  });
});

const toCursor = ({ since, at, unfinished }: ChangesPosition, appId: AppId): z.output<typeof changesCursor> => {
  const place = 'userId' in at ? at.userId : at.seq;
  if (unfinished === undefined) return [appId, since, place, null];
  return [appId, since, place, [unfinished.connectionId, unfinished.afterGroupId, unfinished.isWhole]];
};

/** The position of a cursor of this app; undefined for another app's. */
const positionOf = (cursor: z.output<typeof changesCursor>, appId: AppId): ChangesPosition | undefined => {
  const [of, since, place, left] = cursor;
  if (of !== appId) return undefined;
  const at = typeof place === 'string' ? { userId: asUserId(place) } : { seq: place };
  if (left === null) return { since, at, unfinished: undefined };
  const [connectionId, afterGroupId, isWhole] = left;
  return { since, at, unfinished: { connectionId: asConnectionId(connectionId), afterGroupId, isWhole } };
};
