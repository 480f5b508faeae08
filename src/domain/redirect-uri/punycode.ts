import { decode } from 'punycode/punycode.es6.js';

/**
 * Internationalized host labels, in DNS form (`xn--mller-kva`) and in readable form. They are decoded here because URL
 * parsers disagree on which A-labels are valid: workerd's accepts every one, Node's only those that decode.
 */

/** Whether a label is an IDNA A-label (RFC 5890 s2.3.2.1), such as `xn--mller-kva`. */
export const isPunycodeLabel = (text: string): boolean => text.startsWith('xn--');

/** Undefined if the Punycode (RFC 3492) is malformed: the library throws then. */
const decoded = (encoded: string): string | undefined => {
  try {
    return decode(encoded);
  } catch {
    return undefined;
  }
};

/**
 * The readable form of an A-label. Undefined if no browser makes that label: malformed Punycode, or letters that IDNA
 * maps, forbids or does not encode. The URL parser applies UTS #46 on the way back.
 */
export const readableLabel = (label: string): string | undefined => {
  const readable = decoded(label.slice('xn--'.length));
  if (readable === undefined || !readable.isWellFormed() || /[^a-z0-9\-\P{ASCII}]/u.test(readable)) return undefined;
  const url = `https://${readable}.example/`;
  return URL.canParse(url) && new URL(url).hostname === `${label}.example` ? readable : undefined;
};
