/** The simulator's only source of time, in ms since the epoch: real time plus an offset, or standing still. */
export type Clock = {
  now: () => number;
  /** Unix seconds, as Withings counts. */
  seconds: () => number;
  /** Moves to a moment (ms since the epoch) and runs on from there, or stands there while frozen. */
  set: (nowMs: number) => void;
  advance: (byMs: number) => void;
  freeze: () => void;
  resume: () => void;
  frozen: () => boolean;
  /** What another clock needs to continue like this one. */
  saved: () => SavedClock;
};

/** Ahead of real time by `offsetMs`, or standing at `frozenAtMs`. */
export type SavedClock = { offsetMs: number; frozenAtMs: number | null };

/**
 * A clock that starts at the real time of `realNow` (ms since the epoch) and runs with it, or continues a saved one.
 */
export const createClock = (realNow: () => number, saved?: SavedClock): Clock => {
  let { offsetMs, frozenAtMs } = saved ?? { offsetMs: 0, frozenAtMs: null };
  const now = () => frozenAtMs ?? realNow() + offsetMs;
  const set = (nowMs: number) => {
    offsetMs = nowMs - realNow();
    if (frozenAtMs !== null) frozenAtMs = nowMs;
  };
  return {
    now,
    seconds: () => Math.floor(now() / 1000),
    set,
    advance: (byMs) => set(now() + byMs),
    freeze: () => {
      frozenAtMs = now();
    },
    resume: () => {
      if (frozenAtMs !== null) offsetMs = frozenAtMs - realNow();
      frozenAtMs = null;
    },
    frozen: () => frozenAtMs !== null,
    saved: () => ({ offsetMs, frozenAtMs }),
  };
};
