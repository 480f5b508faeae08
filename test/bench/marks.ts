/**
 * The ids of a recorded request: whatever was made or named for it carries one of these numbers, so that it can be made
 * again with others.
 */
export const MARK = 4_440_000_000;
/** As `MARK`, for a measurement group. */
export const GROUP_MARK = 5_550_000_000;

/** The app that is asked about. */
export const APP = 'app_0123456789abcdef0123';
export const REDIRECT_URI = 'womoji://withings/success';
/** The user whose history is read. */
export const READ_USER = 'user-1';
/** A user that connects or is synced, by number. */
export const userOf = (id: number): string => `user-${id}`;
