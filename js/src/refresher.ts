import { type Clock, systemClock } from "./clock.js";
import { within } from "./deadline.js";
import { SourceError } from "./errors.js";
import { Flights, LOST_AFTER, type WaitUntil } from "./flights.js";
import { type Intervals, intervalsOf } from "./intervals.js";
import type { RefreshOptions, Verifier } from "./types.js";

/** Longest pause while nothing is loaded, milliseconds: every request is refused until then. */
const COLD_PAUSE = 5000;

/** Decides when to look at the source: at intervals with jitter, after failures with growing pauses, never twice at once. */
export class Refresher {
  readonly #update: (signal: AbortSignal) => Promise<boolean>;
  readonly #serving: Pick<Verifier, "epoch" | "ready">;
  readonly #onError: (error: Error) => void;
  readonly #clock: Clock;
  readonly #options: Intervals;
  readonly #flights: Flights;
  #timer: unknown;
  #failures = 0;
  #stops = 0;
  #stoppedAt = 0;
  #urgentAt = Number.POSITIVE_INFINITY;
  #dueAt = Number.NEGATIVE_INFINITY;
  /** When the last look that succeeded began: what it brought is as old. */
  #seenAt = Number.NEGATIVE_INFINITY;
  #touchedAt = Number.NaN;
  #closed = false;

  /** @param serving what the looks are for: whether it can answer, and which epoch it has */
  constructor(
    update: (signal: AbortSignal) => Promise<boolean>,
    serving: Pick<Verifier, "epoch" | "ready">,
    options: RefreshOptions,
    onError: (error: Error) => void,
    clock: Clock = systemClock,
  ) {
    this.#update = update;
    this.#serving = serving;
    this.#onError = onError;
    this.#clock = clock;
    this.#options = intervalsOf(options);
    this.#flights = new Flights((since) => this.#look(since), this.#options.deadline, onError);
  }

  /** When looks are started. */
  get mode(): Intervals["mode"] {
    return this.#options.mode;
  }

  /** Whether {@link due} waits: what is there is old or cannot answer, and a look is due or has only just begun. */
  get overdue(): boolean {
    if (this.#idle) return false;
    const now = this.#clock.now();
    if (this.#serving.ready && now - this.#seenAt <= this.#options.maxAge) return false;
    const flight = this.#flights.underWay(now);
    return flight === undefined ? now >= this.#dueAt : now < flight.since + this.#patience;
  }

  /** Looks now, or joins the look under way. */
  refresh(): Promise<boolean> {
    return this.#flights.join(this.#clock.now()).done;
  }

  /**
   * Called with every verdict: starts a look that is due, which nobody waits for. Where timers run, that is one which the
   * timer should have started: the process was frozen. `at` is the reading of a clock; a second call within one tick of it is
   * not worth reading another one.
   */
  touch(at: number, waitUntil?: WaitUntil): void {
    if (at !== this.#touchedAt && !this.#idle) {
      this.#touchedAt = at;
      const now = this.#clock.now();
      if (now >= this.#dueAt) this.#flights.join(now).done.catch(() => {});
    }
    this.#flights.carry(waitUntil);
  }

  /** If {@link overdue}, joins the look under way or starts the one that is due, and waits for it, within bounds. Never rejects. */
  async due(waitUntil?: WaitUntil): Promise<void> {
    if (!this.overdue) return;
    const now = this.#clock.now();
    const flight = this.#flights.join(now);
    this.#flights.carry(waitUntil);
    // A look that was dropped with the request that carried it never ends; this timer belongs to the caller's request.
    let timer: unknown;
    const enough = new Promise<void>((resolve) => {
      timer = this.#clock.setTimeout(resolve, Math.max(0, flight.since + this.#patience - now), true);
    });
    await Promise.race([flight.done.then(() => {}, () => {}), enough]);
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

  /** Whether no look is started but by {@link refresh}. */
  get #idle(): boolean {
    return this.#closed || this.#options.mode === "manual";
  }

  /**
   * How long a look is waited for, from its beginning. The very first snapshot is worth the whole look: where there are timers
   * it is waited for when the verifier is made, elsewhere by the first requests.
   */
  get #patience(): number {
    const { mode, maxWait, deadline } = this.#options;
    return mode === "demand" && !this.#serving.ready ? deadline + LOST_AFTER : maxWait;
  }

  async #look(since: number): Promise<boolean> {
    const { deadline, interval, maxAge } = this.#options;
    this.#urgentAt = Number.POSITIVE_INFINITY;
    const late = new SourceError("deadline", `the refresh took longer than ${deadline} ms`);
    try {
      const changed = await within(deadline, late, this.#clock, this.#update);
      this.#failures = 0;
      this.#seenAt = Math.max(this.#seenAt, since);
      // Only a machine that slept meanwhile gets that far past the deadline; what the look brought is then as old as that sleep.
      const slept = this.#clock.now() - since > deadline + LOST_AFTER;
      this.#schedule(slept ? 0 : Math.min(maxAge, this.#cold(interval) * (0.9 + 0.2 * this.#clock.random())));
      return changed;
    } catch (reason) {
      const error = reason instanceof Error ? reason : new SourceError("source", String(reason));
      this.#failures++;
      this.#schedule(this.#backoff(this.#failures));
      this.#onError(error);
      throw error;
    }
  }

  /** Doubling pauses, each drawn from its upper half, so that edges that failed together do not return together. */
  #backoff(failures: number): number {
    const { interval, maxBackoff } = this.#options;
    const pause = this.#cold(Math.min(maxBackoff, interval * 2 ** Math.min(failures - 1, 30)));
    return pause * (0.5 + 0.5 * this.#clock.random());
  }

  /** While nothing is loaded, nobody waits long. */
  #cold(pause: number): number {
    return this.#serving.epoch === 0 ? Math.min(pause, COLD_PAUSE) : pause;
  }

  #schedule(ms: number): void {
    if (this.#closed) return;
    const now = this.#clock.now();
    this.#dueAt = Math.min(now + ms, this.#urgentAt);
    this.#touchedAt = Number.NaN;
    if (this.#options.mode !== "timer") return;
    this.#clock.clearTimeout(this.#timer as never);
    this.#timer = this.#clock.setTimeout(() => void this.refresh().catch(() => {}), Math.max(0, this.#dueAt - now));
  }
}
