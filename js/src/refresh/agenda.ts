/** When the next refresh is due: after an interval with jitter, after failures with growing pauses, rarely while a stream is open. */
import type { Verifier } from "../types/verifier.js";
import { backoff } from "../util/backoff.js";
import type { Clock } from "../util/clock.js";
import type { RefreshSettings } from "./settings.js";
import { LOST_AFTER } from "./single-flight.js";
import { HEARTBEAT } from "./stream.js";

/** Longest pause while nothing is loaded, milliseconds: every request is refused until then. */
const COLD_PAUSE = 5000;
/** Longest first pause behind a failure, milliseconds: however rarely somebody looks, most of what goes wrong is over in a moment. */
const FIRST_PAUSE = 1000;
/** Milliseconds between two refreshes while a stream is open: they catch what a stream kept to itself. */
const SAFETY_NET = 60_000;

export class Agenda {
  readonly #run: () => void;
  readonly #serving: Pick<Verifier, "epoch">;
  readonly #settings: RefreshSettings;
  readonly #clock: Clock;
  #timer: unknown;
  /** When the timer runs. */
  #timerAt = Number.NEGATIVE_INFINITY;
  /** From when on whoever asks starts a refresh. */
  #dueAt = Number.NEGATIVE_INFINITY;
  /** When the last refresh that succeeded began: what it brought is as old. Or when a stream last said that nothing is newer. */
  #seenAt = Number.NEGATIVE_INFINITY;
  /** Refreshes that failed since one succeeded. */
  #failures = 0;
  /** How often the core has stopped of late, and when last. */
  #stops = 0;
  #stoppedAt = 0;
  /** When a refresh is due because the core has stopped. */
  #urgentAt = Number.POSITIVE_INFINITY;
  #streaming = false;
  #closed = false;

  /**
   * @param run starts a refresh, in mode `timer`
   * @param serving which epoch it has, 0 for none
   */
  constructor(run: () => void, serving: Pick<Verifier, "epoch">, settings: RefreshSettings, clock: Clock) {
    this.#run = run;
    this.#serving = serving;
    this.#settings = settings;
    this.#clock = clock;
  }

  /** Whether a refresh is due. */
  due(now: number): boolean {
    return now >= this.#dueAt;
  }

  /** Whether what the last refresh brought is good enough to answer by. */
  fresh(now: number): boolean {
    return now - this.#seenAt <= this.#maxAge;
  }

  /** Whether a refresh has failed, and the pause behind it is not over. */
  resting(now: number): boolean {
    return this.#failures > 0 && now < this.#timerAt;
  }

  /** A refresh begins. */
  began(): void {
    this.#urgentAt = Number.POSITIVE_INFINITY;
  }

  /** One that began at `since` has succeeded. With `again`, another one is to follow it at once. */
  succeeded(since: number, again: boolean): void {
    this.#failures = 0;
    // Only a machine that slept meanwhile gets that far past the deadline; what was brought is then as old as that sleep.
    const slept = this.#clock.now() - since > this.#settings.deadline + LOST_AFTER;
    this.#schedule(slept || again ? 0 : this.#pause());
    this.#seen(since);
  }

  /** One has failed. */
  failed(): void {
    this.#failures++;
    this.#schedule(this.#backoff(this.#failures));
  }

  /** The core has stopped: a refresh is due at once, or after growing pauses while it keeps stopping. */
  stopped(): void {
    const now = this.#clock.now();
    if (now - this.#stoppedAt > this.#settings.maxBackoff) this.#stops = 0;
    this.#stoppedAt = now;
    const pause = this.#stops === 0 ? 0 : this.#backoff(this.#stops);
    this.#stops++;
    this.#urgentAt = now + pause;
    this.#schedule(pause);
  }

  /** There is a stream: refreshes are a safety net from now on. After a failure one is due at once, since the source is back. */
  streamUp(): void {
    this.#streaming = true;
    this.#schedule(this.#failures > 0 ? 0 : this.#pause());
    if (this.#failures === 0) this.#seen(this.#seenAt);
  }

  /** The stream says that there is nothing newer than what was taken over. That is as good as a refresh that found nothing. */
  nothingNewer(): void {
    if (this.#failures === 0) this.#seen(this.#clock.now());
  }

  /** There is none any more. A refresh is due at some moment within an interval, since many edges may have lost theirs at this moment. */
  streamDown(): void {
    const left = this.#seenAt + this.#maxAge - this.#clock.now();
    this.#streaming = false;
    if (this.#failures === 0) this.#schedule(Math.max(0, Math.min(left, this.#cold(this.#settings.interval) * this.#clock.random())));
  }

  /** Starts nothing any more. */
  close(): void {
    this.#closed = true;
    this.#clock.clearTimeout(this.#timer as never);
  }

  /** What serves was the newest at that time. While there is a stream, its silence makes a refresh due before the timer does. */
  #seen(at: number): void {
    this.#seenAt = Math.max(this.#seenAt, at);
    if (this.#streaming) this.#dueAt = Math.min(this.#timerAt, this.#seenAt + this.#maxAge);
  }

  get #maxAge(): number {
    return this.#streaming ? this.#settings.streamMaxAge : this.#settings.maxAge;
  }

  /** From one refresh that succeeded to the next. */
  #pause(): number {
    const { interval } = this.#settings;
    // Signs of life are too far apart for a very small `maxAge`, which goes by refreshes alone.
    const rarely = this.#streaming && this.#maxAge > HEARTBEAT;
    const pause = this.#cold(rarely ? Math.max(interval, SAFETY_NET) : interval) * (0.9 + 0.2 * this.#clock.random());
    return rarely ? pause : Math.min(this.#maxAge, pause);
  }

  #backoff(failures: number): number {
    const { interval, maxBackoff } = this.#settings;
    return backoff(failures, Math.min(interval, FIRST_PAUSE), this.#cold(maxBackoff), this.#clock.random());
  }

  /** While nothing is loaded, nobody waits long. */
  #cold(pause: number): number {
    return this.#serving.epoch === 0 ? Math.min(pause, COLD_PAUSE) : pause;
  }

  #schedule(ms: number): void {
    if (this.#closed) return;
    const now = this.#clock.now();
    this.#dueAt = this.#timerAt = Math.min(now + ms, this.#urgentAt);
    if (this.#settings.mode !== "timer") return;
    this.#clock.clearTimeout(this.#timer as never);
    this.#timer = this.#clock.setTimeout(this.#run, Math.max(0, this.#dueAt - now));
  }
}
