import type * as z from 'zod';

import type { Erasure } from '../../../broker/users/erase-user.ts';
import type { ExportPage } from '../../../broker/users/export-user.ts';
import type { AppId } from '../../../domain/app-id.ts';
import { toRfc3339 } from '../../../domain/metrics/local-time.ts';
import { attributionOf, positionName, WHOLE_BODY } from '../../../domain/metrics/measurement.ts';
import { metricByType, unknownMetricName } from '../../../domain/metrics/metric.ts';
import type { UserId } from '../../../domain/user-id.ts';
import { renderTimeline } from '../connections/render.ts';
import { instant } from '../instant.ts';
import type * as contract from './contract.ts';

/** A user's export and erasure as JSON. */

export const renderErasure = ({ complete, removed, withings }: Erasure): z.infer<typeof contract.erasure> => {
  const { pendingConnections, ...counts } = removed;
  return { complete, removed: { ...counts, pending_connections: pendingConnections }, withings };
};

export const renderExport = (
  { appId, userId }: { appId: AppId; userId: UserId },
  page: ExportPage,
  nextCursor: string | null,
): z.infer<typeof contract.userExport> => ({
  app_id: appId,
  user_id: userId,
  pending_since: page.pendingSince === undefined ? null : instant(page.pendingSince),
  connections: page.connections.map((connection) => ({
    withings_user_id: connection.withingsUserId,
    current: connection.isCurrent,
    demo: connection.isDemo,
    state: connection.state,
    scopes: connection.scope.split(',').filter((scope) => scope !== ''),
    created_at: instant(connection.createdAt),
    last_sync_at: connection.lastSyncAt === null ? null : instant(connection.lastSyncAt),
    timeline: renderTimeline(connection.timeline),
  })),
  groups: page.groups.map(({ withingsUserId, group }) => ({
    withings_user_id: withingsUserId,
    group_id: group.groupId,
    measured_at: toRfc3339(group.measuredAtSeconds, group.source.timeZone),
    created_at: toRfc3339(group.createdAtSeconds, 'UTC'),
    modified_at: toRfc3339(group.modifiedAtSeconds, 'UTC'),
    ambiguous: group.ambiguous,
    source: {
      device: group.source.model,
      device_id: group.source.deviceId,
      attribution: attributionOf(group.source.attrib),
      attribution_code: group.source.attrib,
    },
    measurements: group.values.map(({ type, position, value }) => ({
      metric: metricByType(type)?.name ?? unknownMetricName(type),
      type,
      position: position === WHOLE_BODY ? null : positionName(position),
      value,
      unit: metricByType(type)?.unit ?? '',
    })),
  })),
  next_cursor: nextCursor,
});
