/**
 * A token, a code or the client secret: a string that prints as `[redacted]`. Call `reveal()` to put it into a request.
 */
export type Secret = { readonly reveal: () => string };

export const secret = (value: string): Secret => Object.create(redacted, { reveal: { value: () => value } });

const redactedText = () => '[redacted]';
const redacted = {
  toString: redactedText,
  toJSON: redactedText,
  [Symbol.for('nodejs.util.inspect.custom')]: redactedText,
};
