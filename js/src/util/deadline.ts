import type { Clock } from "./clock.js";

/** Runs work that must end within `ms`: after that its signal aborts, and what `late` makes is thrown, whatever the work does. */
export async function within<T>(ms: number, late: () => Error, clock: Clock, work: (signal: AbortSignal) => Promise<T>, keepAlive?: boolean): Promise<T> {
  const abort = new AbortController();
  let timer: unknown;
  const enough = new Promise<never>((_, reject) => {
    timer = clock.setTimeout(() => {
      const error = late();
      reject(error);
      abort.abort(error);
    }, ms, keepAlive);
  });
  try {
    return await Promise.race([work(abort.signal), enough]);
  } finally {
    clock.clearTimeout(timer as never);
  }
}

/** The outcome of work, unless the signal aborts first: then it rejects with the reason, and the work goes on. */
export async function unlessAborted<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  if (signal === undefined) return work;
  let abort = (): void => {};
  const aborted = new Promise<never>((_, reject) => (abort = () => reject(signal.reason)));
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/**
 * Waits for something, but not past that moment. What was dropped with the request that carried it never happens; the timer belongs to the
 * request that waits.
 */
export async function until(moment: number, clock: Clock, something: Promise<void>): Promise<void> {
  let timer: unknown;
  const enough = new Promise<void>((resolve) => {
    timer = clock.setTimeout(resolve, Math.max(0, moment - clock.now()), true);
  });
  await Promise.race([something, enough]);
  clock.clearTimeout(timer as never);
}
