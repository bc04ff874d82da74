import { OptionError } from "../errors.js";
import type { RefreshOptions } from "../types/options.js";
import { MAX_TIMER } from "../util/clock.js";
import { SILENCE } from "./stream.js";

/** Every refresh option, with its usual value where it was left out. */
export interface RefreshSettings extends Readonly<Required<RefreshOptions>> {
  /** The same as `maxAge` while a stream is open. */
  readonly streamMaxAge: number;
  /** Whether somebody said that there is to be a stream. */
  readonly streamDemanded: boolean;
}

const MODES: readonly string[] = ["timer", "demand", "manual"] satisfies RefreshSettings["mode"][];
/** Refreshes are at most 1.1 intervals apart unless one was missed: at three intervals they are missing, not late. */
const MAX_AGE_INTERVALS = 3;

/** The settings that options give, and the usual ones for the rest. */
export function refreshSettings(options: RefreshOptions): RefreshSettings {
  const { mode = "timer" } = options;
  if (!MODES.includes(mode)) throw new OptionError(`refresh.mode: ${MODES.join(", ")} is needed`);
  if (options.stream !== undefined && typeof options.stream !== "boolean") throw new OptionError("refresh.stream: true or false is needed");
  const streamDemanded = options.stream === true;
  if (streamDemanded && mode !== "timer") throw new OptionError(`refresh.stream: in mode ${mode} nothing would keep the stream open`);
  const interval = milliseconds("interval", options.interval, 10_000);
  const maxAge = milliseconds("maxAge", options.maxAge, Math.min(MAX_AGE_INTERVALS * interval, MAX_TIMER));
  return {
    mode,
    interval,
    stream: options.stream ?? mode === "timer",
    streamDemanded,
    maxBackoff: milliseconds("maxBackoff", options.maxBackoff, 300_000),
    deadline: milliseconds("deadline", options.deadline, 30_000),
    maxAge,
    // A stream is believed that long after its last sign of life, unless a shorter time is asked for.
    streamMaxAge: options.maxAge === undefined ? Math.max(maxAge, SILENCE) : maxAge,
    maxWait: milliseconds("maxWait", options.maxWait, 2000),
  };
}

function milliseconds(name: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (!(typeof value === "number" && value > 0 && value <= MAX_TIMER)) throw new OptionError(`refresh.${name}: milliseconds above 0 are needed`);
  return value;
}
