import { SourceError } from "./errors.js";
import type { RefreshOptions } from "./types.js";

/** Timers and chance, replaceable in tests. */
export interface Clock {
  /** Milliseconds; only differences count. */
  readonly now: () => number;
  /** With `keepAlive`, a process waits for it. */
  readonly setTimeout: (run: () => void, ms: number, keepAlive?: boolean) => unknown;
  readonly clearTimeout: (timer: never) => void;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/** The clock of the runtime. Its timers do not keep a process alive, unless they are to. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimeout: (run, ms, keepAlive) => {
    const timer: unknown = setTimeout(run, ms);
    if (keepAlive !== true) (timer as { unref?: () => void }).unref?.();
    return timer;
  },
  clearTimeout: (timer) => clearTimeout(timer),
  random: Math.random,
};

/** A flight that outlives its deadline by this was lost with the request that carried it (a platform may drop both). */
const LOST_AFTER = 1000;

/** Decides when to look at the source: at intervals with jitter, after failures with growing pauses, never twice at once. */
export class Refresher {
  readonly #update: (signal: AbortSignal) => Promise<boolean>;
  readonly #onError: (error: Error) => void;
  readonly #clock: Clock;
  readonly #options: Required<RefreshOptions>;
  #flight: { readonly since: number; readonly done: Promise<boolean> } | undefined;
  #timer: unknown;
  #failures = 0;
  #stops = 0;
  #stoppedAt = 0;
  #urgentAt = Number.POSITIVE_INFINITY;
  #dueAt = 0;
  #closed = false;

  constructor(update: (signal: AbortSignal) => Promise<boolean>, options: RefreshOptions, onError: (error: Error) => void, clock: Clock = systemClock) {
    this.#update = update;
    this.#onError = onError;
    this.#clock = clock;
    this.#options = {
      interval: positive("interval", options.interval, 10_000),
      maxBackoff: positive("maxBackoff", options.maxBackoff, 300_000),
      deadline: positive("deadline", options.deadline, 30_000),
      mode: options.mode ?? "timer",
    };
    if (!["timer", "demand", "manual"].includes(this.#options.mode)) throw new TypeError("refresh.mode: timer, demand or manual is needed");
  }

  /** When looks are started. */
  get mode(): Required<RefreshOptions>["mode"] {
    return this.#options.mode;
  }

  /** Looks now, or joins the look under way. */
  refresh(): Promise<boolean> {
    const { now } = this.#clock;
    const { deadline } = this.#options;
    if (this.#flight === undefined || now() - this.#flight.since > deadline + LOST_AFTER) {
      const flight = { since: now(), done: this.#look() };
      this.#flight = flight;
      const land = () => {
        if (this.#flight === flight) this.#flight = undefined;
      };
      flight.done.then(land, land);
    }
    return this.#flight.done;
  }

  /** Called while a request is answered: in mode `demand`, starts a look that is due, without being waited for. */
  touch(waitUntil?: (work: Promise<unknown>) => void): void {
    if (this.#options.mode !== "demand" || this.#closed || this.#clock.now() < this.#dueAt) return;
    this.#dueAt = this.#clock.now() + this.#options.deadline + LOST_AFTER; // unless this look ends before
    const done = this.refresh().catch(() => {});
    waitUntil?.(done);
  }

  /** In mode `demand`: joins the look under way or starts one that is due; its failure is not this caller's. */
  async due(): Promise<void> {
    if (this.#options.mode !== "demand" || this.#closed) return;
    if (this.#flight === undefined && this.#clock.now() < this.#dueAt) return;
    // A look that was dropped with the request that carried it never ends; this timer belongs to the caller's request.
    let timer: unknown;
    const enough = new Promise<void>((resolve) => {
      timer = this.#clock.setTimeout(resolve, this.#options.deadline + LOST_AFTER);
    });
    await Promise.race([this.refresh().catch(() => {}), enough]);
    this.#clock.clearTimeout(timer as never);
  }

  /** The core has stopped: looks at once, or after growing pauses while it keeps stopping. */
  soon(): void {
    const now = this.#clock.now();
    if (now - this.#stoppedAt > this.#options.maxBackoff) this.#stops = 0;
    this.#stoppedAt = now;
    const pause = this.#stops === 0 ? 0 : this.#backoff(this.#stops);
    this.#stops++;
    this.#urgentAt = now + pause;
    this.#schedule(pause);
  }

  /** Stops looking. */
  close(): void {
    this.#closed = true;
    this.#clock.clearTimeout(this.#timer as never);
  }

  async #look(): Promise<boolean> {
    this.#urgentAt = Number.POSITIVE_INFINITY;
    const abort = new AbortController();
    const late = new SourceError("deadline", `the refresh took longer than ${this.#options.deadline} ms`);
    const timer = this.#clock.setTimeout(() => abort.abort(late), this.#options.deadline);
    const aborted = new Promise<never>((_, reject) => {
      abort.signal.addEventListener("abort", () => reject(abort.signal.reason), { once: true });
    });
    try {
      const changed = await Promise.race([this.#update(abort.signal), aborted]);
      this.#failures = 0;
      this.#schedule(this.#options.interval * (0.9 + 0.2 * this.#clock.random()));
      return changed;
    } catch (reason) {
      const error = reason instanceof Error ? reason : new SourceError("source", String(reason));
      this.#failures++;
      this.#schedule(this.#backoff(this.#failures));
      this.#onError(error);
      throw error;
    } finally {
      this.#clock.clearTimeout(timer as never);
    }
  }

  /** Doubling pauses, each drawn from its upper half, so that edges that failed together do not return together. */
  #backoff(failures: number): number {
    const { interval, maxBackoff } = this.#options;
    const pause = Math.min(maxBackoff, interval * 2 ** Math.min(failures - 1, 30));
    return pause * (0.5 + 0.5 * this.#clock.random());
  }

  #schedule(ms: number): void {
    if (this.#closed) return;
    const now = this.#clock.now();
    this.#dueAt = Math.min(now + ms, this.#urgentAt);
    if (this.#options.mode !== "timer") return;
    this.#clock.clearTimeout(this.#timer as never);
    this.#timer = this.#clock.setTimeout(() => void this.refresh().catch(() => {}), Math.max(0, this.#dueAt - now));
  }
}

function positive(name: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (!(typeof value === "number" && value > 0 && value <= 0x7fff_ffff)) throw new TypeError(`refresh.${name}: milliseconds above 0 are needed`);
  return value;
}
