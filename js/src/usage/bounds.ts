import { MAX_TIMER } from "../clock.js";
import { bound } from "../options.js";

/** Bounds, in events and milliseconds. */
export interface Bounds {
  readonly maxBatch: number;
  readonly maxAge: number;
  readonly maxQueue: number;
  readonly maxBackoff: number;
  readonly deadline: number;
}

const BOUNDS: Record<keyof Bounds, { readonly fallback: number; readonly max: number }> = {
  maxBatch: { fallback: 1000, max: 10_000 },
  maxAge: { fallback: 5000, max: MAX_TIMER },
  maxQueue: { fallback: 10_000, max: 1_000_000 },
  deadline: { fallback: 10_000, max: MAX_TIMER },
  maxBackoff: { fallback: 60_000, max: MAX_TIMER },
};

/** The bounds that options give, and the usual ones for the rest. */
export function boundsOf(options: Partial<Bounds>): Bounds {
  const names = Object.keys(BOUNDS) as (keyof Bounds)[];
  return Object.fromEntries(names.map((name) => [name, bound(name, options[name], BOUNDS[name].fallback, BOUNDS[name].max)])) as unknown as Bounds;
}
