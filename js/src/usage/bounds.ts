import { MAX_TIMER } from "../util/clock.js";
import { bound } from "../util/options.js";
import type { UsageOptions } from "./reporter.js";

/** The bounds among the reporter's options. */
export type Bounds = Readonly<Required<Pick<UsageOptions, "maxBatch" | "maxAge" | "maxQueue" | "maxBackoff" | "deadline">>>;

/** The usual value of each, and the largest. A batch of more events is refused by the control plane. */
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
