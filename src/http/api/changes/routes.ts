import { Hono } from 'hono';
import { base64url } from 'jose';
import * as z from 'zod';

import { admitBackend } from '../../../broker/access/authenticate.ts';
import { type Change, type ChangesPosition, readChanges } from '../../../broker/metrics/read-changes.ts';
import { attributionOf } from '../../../domain/metrics/measurement.ts';
import { metricByType, unknownMetricName } from '../../../domain/metrics/metric.ts';
import type { HttpEnv } from '../../context.ts';
import { answerFailure } from '../../problem.ts';
import { appCredential } from '../credentials.ts';
import { renderMetric } from '../metrics/json.ts';
import { valid } from '../validate.ts';
import { changesQuery, type changesPage } from './contract.ts';

/** What changed of all of an app's users, for the app's backend. */
export const changesApi = new Hono<HttpEnv>();

changesApi.get('/', valid('query', changesQuery), async (c) => {
  const appId = c.req.param('app_id') ?? '';
  const admitted = await admitBackend(c.get('deps'), appCredential(c), { appId, scope: 'read' });
  if (!admitted.ok) return answerFailure(c, admitted.failure);
  const { cursor, limit } = c.req.valid('query');
  const from = cursor === undefined ? undefined : readCursor(cursor, appId);
  if (cursor !== undefined && from === undefined) {
    const detail = "It is not a cursor of this app's changes. Without one, every user is read from the start.";
    return answerFailure(c, { kind: 'invalid_parameter', parameter: 'cursor', detail });
  }
  const page = await readChanges(c.get('deps'), appId, from, limit);
  if (!page.ok) return answerFailure(c, page.failure);
  const { changes, next, hasMore } = page.value;
  return c.json({ data: changes.map(renderChange), next_cursor: writeCursor(next, appId), has_more: hasMore });
});

const renderChange = (change: Change): z.infer<typeof changesPage>['data'][number] => {
  const { userId } = change;
  if (change.kind === 'reset') return { user_id: userId, reset: true };
  if (change.kind === 'deleted') return { user_id: userId, group_id: change.groupId, deleted: true };
  const { groupId, measuredAtSeconds, values, source } = change.group;
  const measurements = values.map(({ type, position, value }) => {
    const metric = metricByType(type);
    const name = metric?.name ?? unknownMetricName(type);
    const one = { name, metric, value, measuredAtSeconds, groupId, position, derivedFrom: [] };
    const { attrib, timeZone } = source;
    const from = { device: source.model, deviceHash: source.deviceId, attribution: attributionOf(attrib), attrib };
    return renderMetric({ ...one, timeZone, ...from }, 'metric');
  });
  return { user_id: userId, group_id: groupId, measurements };
};

/** App, `since`, the place (a user or a number), and the unfinished connection. It names nothing but what the app may read anyway. */
const cursorSchema = z.tuple([
  z.string(),
  z.int().min(0),
  z.union([z.string(), z.int().min(0)]),
  z.tuple([z.int(), z.int(), z.boolean()]).nullable(),
]);

const writeCursor = ({ since, at, unfinished }: ChangesPosition, appId: string): string => {
  const left = unfinished && [unfinished.connectionId, unfinished.afterGroupId, unfinished.isWhole];
  return base64url.encode(JSON.stringify([appId, since, 'userId' in at ? at.userId : at.seq, left ?? null]));
};

/** Reads a cursor of an app's changes; undefined for anything else. */
const readCursor = (cursor: string, appId: string): ChangesPosition | undefined => {
  try {
    const text = new TextDecoder().decode(base64url.decode(cursor));
    const [of, since, place, left] = cursorSchema.parse(JSON.parse(text));
    if (of !== appId) return undefined;
    const at = typeof place === 'string' ? { userId: place } : { seq: place };
    if (left === null) return { since, at, unfinished: undefined };
    const [connectionId, afterGroupId, isWhole] = left;
    return { since, at, unfinished: { connectionId, afterGroupId, isWhole } };
  } catch {
    return undefined;
  }
};
