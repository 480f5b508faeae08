import type * as z from 'zod';

import type { Change, ChangedGroup } from '../../../broker/metrics/read-changes.ts';
import { attributionOf } from '../../../domain/metrics/measurement.ts';
import { metricByType, unknownMetricName } from '../../../domain/metrics/metric.ts';
import type { UserId } from '../../../domain/user-id.ts';
import { renderMetric } from '../metrics/json.ts';
import type { changedGroup, changesPage } from './contract.ts';

export const renderChange = (change: Change): z.infer<typeof changesPage>['data'][number] => {
  const { userId } = change;
  if (change.kind === 'reset') return { user_id: userId, reset: true };
  if (change.kind === 'deleted') return { user_id: userId, group_id: change.groupId, deleted: true };
  return renderChangedGroup(userId, change.group);
};

/** A group as it is now. */
export const renderChangedGroup = (userId: UserId, group: ChangedGroup): z.infer<typeof changedGroup> => {
  const { groupId, measuredAtSeconds, values, source } = group;
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
