/** An app's own id of one of its users: opaque to the broker, and safe in a path, a log line and a header. */

import { fail, ok, type Result } from './result.ts';

declare const userIdBrand: unique symbol;

/** A user id that passed `parseUserId`. */
export type UserId = string & { readonly [userIdBrand]: true };

export type UserIdRefusal = {
  reason: 'empty' | 'too_long' | 'space' | 'forbidden_character' | 'dot_segment';
  /** What to do; it never repeats the id. */
  detail: string;
};

export const MAX_USER_ID_LENGTH = 128;

/** What `parseUserId` asks for, in words. */
export const USER_ID_RULE = `1 to ${MAX_USER_ID_LENGTH} printable ASCII characters without \`/ \\ ? # %\` or space`;

/** For an id that was parsed before: from a signed token, or from the broker's own storage. */
export const asUserId = (value: string): UserId => value as UserId;

/** For requests without a user. */
export const NO_USER = asUserId('');

/**
 * Validates a decoded user id: 1 to 128 printable ASCII characters without `/ \ ? # %` or space, and neither `.` nor
 * `..`. It is refused, never repaired: two spellings of one user would be two users.
 */
export const parseUserId = (value: string): Result<UserId, UserIdRefusal> => {
  if (value === '') return fail({ reason: 'empty', detail: 'Send the id by which your app knows the user.' });
  if (value.length > MAX_USER_ID_LENGTH) {
    return fail({ reason: 'too_long', detail: `A user id has at most ${MAX_USER_ID_LENGTH} characters.` });
  }
  if (value.includes(' ')) {
    return fail({
      reason: 'space',
      detail: 'A user id has no spaces. A `+` in a query is a space: to send a plus sign, write %2B.',
    });
  }
  if (!/^[\x21-\x7e]+$/.test(value) || /[/\\?#%]/.test(value)) {
    return fail({
      reason: 'forbidden_character',
      detail: 'A user id is printable ASCII without / \\ ? # or %. In a URL it is percent-encoded exactly once.',
    });
  }
  if (value === '.' || value === '..') {
    return fail({
      reason: 'dot_segment',
      detail: 'The ids `.` and `..` vanish from URL paths: choose another.',
    });
  }
  return ok(asUserId(value));
};
