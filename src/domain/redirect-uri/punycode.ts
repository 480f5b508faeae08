/**
 * Internationalised host labels, in the form DNS has (`xn--mller-kva`) and the form people read. Decoded here because URL parsers do not
 * agree on which A-labels are sound: workerd's accepts every one, Node's only those that decode.
 */

/** Whether a label is an IDNA A-label (RFC 5890 s2.3.2.1), such as `xn--mller-kva`. */
export const isPunycodeLabel = (text: string): boolean => text.startsWith('xn--');

// Parameters of Punycode (RFC 3492 s5).
const BASE = 36;
const T_MIN = 1;
const T_MAX = 26;
const SKEW = 38;
const DAMP = 700;
const INITIAL_BIAS = 72;
const FIRST_CODE_POINT = 0x80;
const LAST_CODE_POINT = 0x10ffff;

/** How many positions one more letter skips; adapted after each (RFC 3492 s6.1). */
const adaptedBias = (delta: number, length: number, isFirst: boolean): number => {
  let rest = Math.floor(delta / (isFirst ? DAMP : 2));
  rest += Math.floor(rest / length);
  let bias = 0;
  for (; rest > ((BASE - T_MIN) * T_MAX) / 2; bias += BASE) rest = Math.floor(rest / (BASE - T_MIN));
  return bias + Math.floor(((BASE - T_MIN + 1) * rest) / (rest + SKEW));
};

const digitOf = (character: string): number => 'abcdefghijklmnopqrstuvwxyz0123456789'.indexOf(character);

/** Reads one variable-length integer from `text` at `from` (RFC 3492 s3.3); undefined if it is cut short, too large or has a foreign digit. */
const readInteger = (text: string, from: number, bias: number): { value: number; next: number } | undefined => {
  let value = 0;
  let weight = 1;
  for (let at = from, k = BASE; at < text.length; at += 1, k += BASE) {
    const digit = digitOf(text.charAt(at));
    if (digit < 0) return undefined;
    value += digit * weight;
    if (!Number.isSafeInteger(value)) return undefined;
    const threshold = Math.min(Math.max(k - bias, T_MIN), T_MAX);
    if (digit < threshold) return { value, next: at + 1 };
    weight *= BASE - threshold;
  }
  return undefined;
};

/** Decodes lower-case Punycode without its `xn--` (RFC 3492 s6.2); undefined where it is malformed. */
const decode = (encoded: string): string | undefined => {
  const hyphen = encoded.lastIndexOf('-');
  const letters = encoded.slice(0, Math.max(hyphen, 0)).split('');
  let codePoint = FIRST_CODE_POINT;
  let bias = INITIAL_BIAS;
  let position = 0;
  for (let at = hyphen + 1; at < encoded.length;) {
    const delta = readInteger(encoded, at, bias);
    if (delta === undefined) return undefined;
    const length = letters.length + 1;
    position += delta.value;
    bias = adaptedBias(delta.value, length, at === hyphen + 1);
    codePoint += Math.floor(position / length);
    if (codePoint > LAST_CODE_POINT) return undefined;
    position %= length;
    letters.splice(position, 0, String.fromCodePoint(codePoint));
    position += 1;
    at = delta.next;
  }
  return letters.join('');
};

/**
 * The readable form of the A-label `label`, or undefined when no browser would make that label of any name: malformed punycode,
 * or letters that IDNA maps, forbids or needs no encoding for (UTS #46, applied by the URL parser on the way back).
 */
export const readableLabel = (label: string): string | undefined => {
  const readable = decode(label.slice('xn--'.length));
  if (readable === undefined || !readable.isWellFormed() || /[^a-z0-9\-\P{ASCII}]/u.test(readable)) return undefined;
  const url = `https://${readable}.example/`;
  return URL.canParse(url) && new URL(url).hostname === `${label}.example` ? readable : undefined;
};
