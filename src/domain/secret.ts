/**
 * A string that prints as `[redacted]`, in every form (text, JSON, a message, the console). It has no property to list,
 * spread or clone. Only `reveal()` reads it, so the source can be searched for that word.
 */
export type Secret = { readonly reveal: () => string };

export const secret = (value: string): Secret => Object.create(redacted, { reveal: { value: () => value } });

const redactedText = () => '[redacted]';
const redacted = {
  toString: redactedText,
  toJSON: redactedText,
  [Symbol.for('nodejs.util.inspect.custom')]: redactedText,
};
