/** When to refresh: at intervals with jitter, after failures with growing pauses, never twice at once; and who waits for it. */
import { SourceError } from "../errors.js";
import type { RefreshOptions } from "../types/options.js";
import type { Verifier } from "../types/verifier.js";
import { backoff } from "../util/backoff.js";
import { type Clock, systemClock } from "../util/clock.js";
import { within } from "../util/deadline.js";
import { type RefreshSettings, refreshSettings } from "./settings.js";
import { LOST_AFTER, SingleFlight, type WaitUntil } from "./single-flight.js";

/** Longest pause while nothing is loaded, milliseconds: every request is refused until then. */
const COLD_PAUSE = 5000;

export class Refresher {
  readonly #update: (signal: AbortSignal) => Promise<boolean>;
  readonly #serving: Pick<Verifier, "epoch" | "ready">;
  readonly #onError: (error: Error) => void;
  readonly #clock: Clock;
  readonly #settings: RefreshSettings;
  readonly #flights: SingleFlight;
  #timer: unknown;
  #failures = 0;
  /** How often the core has stopped of late, and when last. */
  #stops = 0;
  #stoppedAt = 0;
  /** When a refresh is due because the core has stopped. */
  #urgentAt = Number.POSITIVE_INFINITY;
  #dueAt = Number.NEGATIVE_INFINITY;
  /** When the last refresh that succeeded began: what it brought is as old. */
  #seenAt = Number.NEGATIVE_INFINITY;
  #touchedAt = Number.NaN;
  #closed = false;

  /**
   * @param update refreshes once
   * @param serving what it is for: whether it can answer, and which epoch it has
   */
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
    this.#settings = refreshSettings(options);
    this.#flights = new SingleFlight((since) => this.#refresh(since), this.#settings.deadline, onError);
  }

  /** When refreshes are started. */
  get mode(): RefreshSettings["mode"] {
    return this.#settings.mode;
  }

  /** Whether {@link due} waits: what is there is old or cannot answer, and a refresh is due or has only just begun. */
  get overdue(): boolean {
    if (this.#idle) return false;
    const now = this.#clock.now();
    if (this.#serving.ready && now - this.#seenAt <= this.#settings.maxAge) return false;
    const flight = this.#flights.underWay(now);
    return flight === undefined ? now >= this.#dueAt : now < flight.since + this.#patience;
  }

  /** Refreshes now, or joins the refresh under way. */
  refresh(): Promise<boolean> {
    return this.#flights.join(this.#clock.now()).done;
  }

  /**
   * Called with every verdict: starts a refresh that is due, for which nobody waits. Where timers run, that is one which the
   * timer should have started: the process was frozen.
   *
   * @param at the reading of some clock: a second call at the same reading is not worth reading our own. `NaN` is never the same
   */
  touch(at: number, waitUntil?: WaitUntil): void {
    if (at !== this.#touchedAt && !this.#idle) {
      this.#touchedAt = at;
      const now = this.#clock.now();
      if (now >= this.#dueAt) this.#flights.join(now).done.catch(() => {});
    }
    this.#flights.carry(waitUntil);
  }

  /** If {@link overdue}, joins the refresh under way or starts the one that is due, and waits for it, within bounds. Never rejects. */
  async due(waitUntil?: WaitUntil): Promise<void> {
    if (!this.overdue) return;
    const now = this.#clock.now();
    const flight = this.#flights.join(now);
    this.#flights.carry(waitUntil);
    // A refresh that was dropped with the request that carried it never ends; this timer belongs to the caller's request.
    let timer: unknown;
    const enough = new Promise<void>((resolve) => {
      timer = this.#clock.setTimeout(resolve, Math.max(0, flight.since + this.#patience - now), true);
    });
    await Promise.race([flight.done.then(() => {}, () => {}), enough]);
    this.#clock.clearTimeout(timer as never);
  }

  /** The core has stopped: refreshes at once, or after growing pauses while it keeps stopping. */
  soon(): void {
    const now = this.#clock.now();
    if (now - this.#stoppedAt > this.#settings.maxBackoff) this.#stops = 0;
    this.#stoppedAt = now;
    const pause = this.#stops === 0 ? 0 : this.#backoff(this.#stops);
    this.#stops++;
    this.#urgentAt = now + pause;
    this.#schedule(pause);
  }

  /** Starts no refresh any more. */
  close(): void {
    this.#closed = true;
    this.#clock.clearTimeout(this.#timer as never);
  }

  /** Whether no refresh is started but by {@link refresh}. */
  get #idle(): boolean {
    return this.#closed || this.#settings.mode === "manual";
  }

  /**
   * How long a refresh is waited for, from its beginning. The very first snapshot is worth all of it: where there are timers it
   * is waited for when the verifier is made, elsewhere by the first requests.
   */
  get #patience(): number {
    const { mode, maxWait, deadline } = this.#settings;
    return mode === "demand" && !this.#serving.ready ? deadline + LOST_AFTER : maxWait;
  }

  async #refresh(since: number): Promise<boolean> {
    const { deadline, interval, maxAge } = this.#settings;
    this.#urgentAt = Number.POSITIVE_INFINITY;
    const late = new SourceError("deadline", `the refresh took longer than ${deadline} ms`);
    try {
      const changed = await within(deadline, late, this.#clock, this.#update);
      this.#failures = 0;
      this.#seenAt = Math.max(this.#seenAt, since);
      // Only a machine that slept meanwhile gets that far past the deadline; what was brought is then as old as that sleep.
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

  #backoff(failures: number): number {
    const { interval, maxBackoff } = this.#settings;
    return backoff(failures, interval, this.#cold(maxBackoff), this.#clock.random());
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
    if (this.#settings.mode !== "timer") return;
    this.#clock.clearTimeout(this.#timer as never);
    this.#timer = this.#clock.setTimeout(() => void this.refresh().catch(() => {}), Math.max(0, this.#dueAt - now));
  }
}
