/**
 * A value for those alone who need it. Printed in whatever way (as text, JSON, a message, on the console) it says `[redacted]`; it has no
 * property to list, spread or clone. `reveal` is the only way to the value, and a word to search the source for.
 */
export type Secret = { readonly reveal: () => string };

/** Wraps a value. */
export const secret = (value: string): Secret => Object.create(redacted, { reveal: { value: () => value } });

const redactedText = () => '[redacted]';
const redacted = {
  toString: redactedText,
  toJSON: redactedText,
  [Symbol.for('nodejs.util.inspect.custom')]: redactedText,
};
