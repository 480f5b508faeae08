/**
 * How full the database may become. A full D1 refuses reads too, and then no user is served: what takes most room, the
 * histories of new users, has to stop before.
 */

/** From this part of the limit on, the operator is warned. */
const NEARLY_FULL = 0.8;
/** From this part on, no history is read. New weigh-ins of users whose history is complete still are. */
const FULL_FOR_HISTORIES = 0.9;

export const isNearlyFull = (bytes: number, maxBytes: number): boolean => bytes >= maxBytes * NEARLY_FULL;

export const refusesHistories = (bytes: number, maxBytes: number): boolean => bytes >= maxBytes * FULL_FOR_HISTORIES;
