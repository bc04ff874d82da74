import { UsageError } from "../errors.js";
import { LOST_AFTER } from "../refresh/single-flight.js";
import { backoff } from "../util/backoff.js";
import type { Clock } from "../util/clock.js";
import type { Bounds } from "./bounds.js";
import type { Answer, Batch } from "./post.js";

/** What became of events so far, each counted once. */
export interface UsageStats {
  /** Events taken by the control plane. */
  readonly delivered: number;
  /** Events lost: no room, refused for good, not well formed, or left over when closed. */
  readonly dropped: number;
  /** Events waiting to be sent, or for an answer. */
  readonly waiting: number;
}

/** Characters of one batch: half a megabyte, well below what servers take as a body. */
const MAX_CHARACTERS = 1 << 19;
/** The first pause after a failure, milliseconds. */
const FIRST_PAUSE = 1000;

/** Holds the texts of events and sends them in batches: one batch at a time, and that until it is taken or refused. */
export class BatchQueue {
  readonly #send: (batch: Batch) => Promise<Answer>;
  readonly #bounds: Bounds;
  readonly #onError: (error: UsageError) => void;
  readonly #clock: Clock;
  #queue: string[] = [];
  #oldest = 0;
  #batch: Batch | undefined;
  #flight: { readonly lostAt: number; readonly done: Promise<boolean> } | undefined;
  /** In a row. */
  #failures = 0;
  #notBefore = 0;
  #delivered = 0;
  #dropped = 0;
  /** Whether `onError` has heard of a full queue since a batch was last answered. */
  #told = false;

  constructor(send: (batch: Batch) => Promise<Answer>, bounds: Bounds, onError: (error: UsageError) => void, clock: Clock) {
    this.#send = send;
    this.#bounds = bounds;
    this.#onError = onError;
    this.#clock = clock;
  }

  get stats(): UsageStats {
    return { delivered: this.#delivered, dropped: this.#dropped, waiting: this.#waiting };
  }

  /** What a failure demands: no attempt before this moment, 0 without one. */
  get notBefore(): number {
    return this.#notBefore;
  }

  get #waiting(): number {
    return this.#queue.length + (this.#batch?.count ?? 0);
  }

  put(event: string): void {
    if (this.#waiting < this.#bounds.maxQueue) {
      if (this.#queue.length === 0) this.#oldest = this.#clock.now();
      this.#queue.push(event);
      return;
    }
    this.#dropped++;
    if (!this.#told) this.#onError(new UsageError("queue_full", `${this.#bounds.maxQueue} events wait already; further ones are dropped`));
    this.#told = true;
  }

  /** Counts an event that nobody will send. */
  drop(): void {
    this.#dropped++;
  }

  /** Drops all that waits. */
  clear(): void {
    this.#dropped += this.#waiting;
    this.#queue = [];
    this.#batch = undefined;
  }

  /** The moment from which something can be sent, at the earliest `now`. */
  due(now: number): number {
    const { maxBatch, maxQueue, maxAge } = this.#bounds;
    if (this.#batch === undefined && this.#queue.length === 0) return Number.POSITIVE_INFINITY;
    const full = this.#batch !== undefined || this.#queue.length >= Math.min(maxBatch, maxQueue);
    return Math.max(now, this.#notBefore, full ? 0 : this.#oldest + maxAge);
  }

  /** Sends what waits now, whether due or not. Resolves to whether all of it was answered; after a failure it waits on. */
  async flush(): Promise<boolean> {
    const end = this.#delivered + this.#dropped + this.#waiting;
    while (this.#waiting > 0 && this.#delivered + this.#dropped < end) {
      if (!(await this.attempt())) return false;
    }
    return true;
  }

  /** One attempt at the batch that is under way or next, or the attempt under way. Resolves to whether it was answered. */
  attempt(): Promise<boolean> {
    const now = this.#clock.now();
    if (this.#flight === undefined || now > this.#flight.lostAt) {
      const flight = { lostAt: now + this.#bounds.deadline + LOST_AFTER, done: this.#try() };
      this.#flight = flight;
      void flight.done.then(() => {
        if (this.#flight === flight) this.#flight = undefined;
      });
    }
    return this.#flight.done;
  }

  async #try(): Promise<boolean> {
    const batch = (this.#batch ??= this.#cut());
    const answer = await this.#send(batch);
    if (this.#batch !== batch) return true; // another attempt at it was answered first
    if (answer.error !== undefined && "again" in answer) {
      this.#notBefore = this.#clock.now() + this.#pause(answer.again ?? 0);
      this.#onError(answer.error);
      return false;
    }
    this.#batch = undefined;
    this.#failures = this.#notBefore = 0;
    this.#told = false;
    if (answer.error === undefined) this.#delivered += batch.count;
    else {
      this.#dropped += batch.count;
      this.#onError(answer.error);
    }
    return true;
  }

  #cut(): Batch {
    let [count, characters] = [0, 0];
    for (const text of this.#queue) {
      characters += text.length + 1;
      if (count === this.#bounds.maxBatch || (count > 0 && characters > MAX_CHARACTERS)) break;
      count++;
    }
    const id = crypto.randomUUID();
    return { id, count, body: `{"batch":"${id}","events":[${this.#queue.splice(0, count).join(",")}]}` };
  }

  /** @param asked milliseconds that the control plane wants at least */
  #pause(asked: number): number {
    const { maxBackoff } = this.#bounds;
    return Math.max(backoff(++this.#failures, FIRST_PAUSE, maxBackoff, this.#clock.random()), Math.min(asked, maxBackoff));
  }
}
