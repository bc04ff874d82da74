/** Time, timers and chance, replaceable in tests. */
export interface Clock {
  /** Milliseconds since some moment: they never go back, and go on while the machine sleeps. Only differences count. */
  readonly now: () => number;
  /** With `keepAlive`, a process does not end before it has run. */
  readonly setTimeout: (run: () => void, ms: number, keepAlive?: boolean) => unknown;
  readonly clearTimeout: (timer: never) => void;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/** Milliseconds that a timer of JavaScript can wait. */
export const MAX_TIMER = 0x7fff_ffff;

/** Milliseconds that the wall clock must gain on the other before that counts: they are read one after the other, and tick apart. */
const SLACK = 250;

/**
 * The time that has passed by the larger measure of two. A monotonic clock stands still while the machine sleeps or the process
 * is frozen; the wall clock goes on, but may be set back, which counts for nothing here. Set forward, it lets time pass early.
 */
export function steady(monotonic: () => number, wall: () => number): () => number {
  let missed = 0;
  let ahead = wall() - monotonic();
  return () => {
    const time = monotonic();
    const gained = wall() - time - ahead;
    if (gained > SLACK) missed += gained;
    if (gained > SLACK || gained < 0) ahead += gained;
    return time + missed;
  };
}

/** The clock of the runtime. Its timers do not keep a process alive, unless they are to. */
export const systemClock: Clock = {
  now: steady(() => performance.now(), () => Date.now()),
  setTimeout: (run, ms, keepAlive) => {
    const timer: unknown = setTimeout(run, ms);
    if (keepAlive !== true) (timer as { unref?: () => void }).unref?.();
    return timer;
  },
  clearTimeout: (timer) => clearTimeout(timer),
  random: Math.random,
};
