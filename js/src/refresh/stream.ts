/** Keeps a stream of heads open: connects, listens whether it is still there, and returns after pauses. */
import { SourceError, sourceFault } from "../errors.js";
import type { PushedHead, Source } from "../sources/source.js";
import { fullJitter } from "../util/backoff.js";
import type { Clock } from "../util/clock.js";

/** Milliseconds between two signs of life of a stream, as the server sends them. */
export const HEARTBEAT = 15_000;
/** Milliseconds of silence after which a stream is taken for broken: one sign may be late or lost, not two. */
export const SILENCE = 2.5 * HEARTBEAT;
/** Milliseconds over which edges spread their return after a stream has ended, unless the source names others. */
const RETURN = 10_000;
/** What a source can name at least and at most: edges that come back at once would never stop, and after a day is as good as never. */
const [MIN_RETURN, MAX_RETURN] = [1000, 300_000];
/** Milliseconds until a source without a stream is asked for one again: it may be a newer server by then. */
const WITHOUT_STREAM = 600_000;

/** What is made of a stream. */
export interface StreamEvents {
  /** There is one now. */
  readonly onUp: () => void;
  readonly onHead: (head: PushedHead) => void;
  /** There was nothing newer. */
  readonly onIdle: () => void;
  /** There is none any more. */
  readonly onDown: () => void;
  /** Why; told once until there is one again. */
  readonly onError: (error: Error) => void;
}

export interface StreamSettings {
  /** The longest pause between two attempts. */
  readonly maxBackoff: number;
  /** Whether a source without a stream is an error. */
  readonly demanded: boolean;
}

/** A stream that is open as much of the time as the source lets it be. */
export class HeadStream {
  readonly #watch: NonNullable<Source["watch"]>;
  readonly #epoch: () => number;
  readonly #events: StreamEvents;
  readonly #settings: StreamSettings;
  readonly #clock: Clock;
  /** The attempt under way, or the stream that is open; `undefined` between two. */
  #attempt: AbortController | undefined;
  /** Until the silence has been too long, or until the next attempt. */
  #timer: unknown;
  #state: "new" | "down" | "up" | "closed" = "new";
  /** Attempts since there was a stream. */
  #failures = 0;
  #told = false;
  #return = RETURN;

  /** @param epoch the epoch that serves, 0 for none */
  constructor(watch: NonNullable<Source["watch"]>, epoch: () => number, settings: StreamSettings, events: StreamEvents, clock: Clock) {
    this.#watch = watch;
    this.#epoch = epoch;
    this.#settings = settings;
    this.#events = events;
    this.#clock = clock;
  }

  get up(): boolean {
    return this.#state === "up";
  }

  /** Begins, unless it has. */
  open(): void {
    if (this.#state === "new") this.#connect();
  }

  /** Ends the stream, and begins none any more. */
  close(): void {
    this.#state = "closed";
    this.#clock.clearTimeout(this.#timer as never);
    this.#attempt?.abort(new Error("the verifier was closed"));
  }

  #connect(): void {
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#state = "down";
    const heard = (what: () => void) => {
      if (this.#attempt !== attempt || attempt.signal.aborted) return; // a source that goes on after its end
      this.#listen(attempt);
      this.#rise();
      what();
    };
    this.#listen(attempt);
    const request = {
      epoch: this.#epoch() || undefined,
      signal: attempt.signal,
      onHead: (head: PushedHead) => heard(() => this.#events.onHead(head)),
      onIdle: () => heard(() => this.#events.onIdle()),
      onRetry: (ms: number) => void (this.#return = Math.min(Math.max(ms, MIN_RETURN), MAX_RETURN)),
    };
    // One that does not heed the signal has ended all the same.
    const given = new Promise<never>((_, reject) => attempt.signal.addEventListener("abort", () => reject(attempt.signal.reason as Error)));
    const watched = Promise.resolve().then(() => this.#watch(request));
    Promise.race([watched, given]).then(() => this.#ended(undefined), (error: unknown) => this.#ended(error));
  }

  /** Waits for the next sign of life. */
  #listen(attempt: AbortController): void {
    this.#clock.clearTimeout(this.#timer as never);
    const silent = () => attempt.abort(new SourceError("deadline", `the stream of heads was silent for ${SILENCE} ms`));
    this.#timer = this.#clock.setTimeout(silent, SILENCE);
  }

  #rise(): void {
    if (this.up) return;
    this.#state = "up";
    this.#failures = 0;
    this.#told = false;
    this.#events.onUp();
  }

  #ended(reason: unknown): void {
    if (this.#state === "closed") return;
    const wasUp = this.up;
    this.#state = "down";
    this.#attempt = undefined;
    this.#failures++;
    const missing = reason instanceof SourceError && reason.code === "no_stream";
    if (!missing || this.#settings.demanded) this.#tell(reason, wasUp);
    const pause = missing ? WITHOUT_STREAM * (0.5 + 0.5 * this.#clock.random()) : fullJitter(this.#failures, this.#return, this.#settings.maxBackoff, this.#clock.random());
    this.#clock.clearTimeout(this.#timer as never);
    this.#timer = this.#clock.setTimeout(() => this.#connect(), pause);
    if (wasUp) this.#events.onDown();
  }

  /** That a stream has ended is no error: servers are restarted, and proxies cut what stands for long. That none begins is one. */
  #tell(reason: unknown, wasUp: boolean): void {
    if (this.#told || (reason === undefined && wasUp)) return;
    this.#told = true;
    const error = reason ?? new SourceError("source", "the stream of heads ended before it said anything");
    this.#events.onError(sourceFault(error));
  }
}
