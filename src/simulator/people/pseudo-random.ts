/** Repeatable numbers from 0 to 1 for invented data: the same seed gives the same sequence (mulberry32). */
export const pseudoRandom = (seed: string): (() => number) => {
  let state = 0;
  for (const character of seed) state = (Math.imul(state, 31) + character.charCodeAt(0)) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
};

/** 40 hex characters that are always the same for the same seed, e.g. a device id. */
export const stableHex40 = (seed: string): string => {
  const next = pseudoRandom(seed);
  return Array.from({ length: 40 }, () => Math.floor(next() * 16).toString(16)).join('');
};
