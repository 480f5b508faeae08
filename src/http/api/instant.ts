import type { EpochMs } from '../../domain/time.ts';

/** An instant as RFC 3339, in UTC. */
export const instant = (at: EpochMs): string => new Date(at).toISOString();

export const instantOrNull = (at: EpochMs | undefined): string | null => (at === undefined ? null : instant(at));
