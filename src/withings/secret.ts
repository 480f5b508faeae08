/**
 * What this client takes and gives of tokens, codes and its secret: a value that says `[redacted]` in whatever way it is printed. Revealed
 * where a request is made of it.
 */
export type Secret = { readonly reveal: () => string };

/** Wraps what Withings handed out. */
export const secret = (value: string): Secret => Object.create(redacted, { reveal: { value: () => value } });

const redactedText = () => '[redacted]';
const redacted = {
  toString: redactedText,
  toJSON: redactedText,
  [Symbol.for('nodejs.util.inspect.custom')]: redactedText,
};
