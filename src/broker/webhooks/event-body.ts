import type { StoredEvent } from '../../domain/webhooks/event.ts';
import type { ExportedGroup } from '../../store/metrics/export.ts';

/** What changed: the current state of a group, or undefined for a deleted one. */
export type ChangedGroups = Map<number, ExportedGroup | undefined>;

/** A body for receivers. The HTTP contract defines it; `compose.ts` passes it in. */
export type RenderEvent = (event: StoredEvent, payload: 'full' | 'thin', groups: ChangedGroups | undefined) => string;
