import type { UsageError } from "../errors.js";
import { LOST_AFTER } from "../refresh/single-flight.js";
import type { Clock } from "../util/clock.js";
import type { Bounds } from "./bounds.js";
import type { Answer, Batch } from "./post.js";
import { BatchQueue, type UsageStats } from "./queue.js";

/** Milliseconds for which `waitUntil` is used: platforms that have it end background work half a minute after the response. */
const LIFETIME = 25_000;

/** Work in the background: sleeps until something is due, sends it, and ends when nothing is left. All three are moments. */
interface Run {
  /** When it wakes next; `-Infinity` while it sends. */
  wakes: number;
  /** After that it is taken for lost with the request that carried it. */
  lostAt: number;
  /** After that it begins nothing. */
  readonly retires: number;
}

/** When batches are sent: once full, once an event is old enough, again after a pause; never before the response. */
export class Outbox {
  readonly #dispatch: BatchQueue;
  readonly #deadline: number;
  readonly #clock: Clock;
  #run: Run | undefined;
  #closing: Promise<void> | undefined;

  constructor(send: (batch: Batch) => Promise<Answer>, bounds: Bounds, onError: (error: UsageError) => void, clock: Clock) {
    this.#dispatch = new BatchQueue(send, bounds, onError, clock);
    this.#deadline = bounds.deadline;
    this.#clock = clock;
  }

  get stats(): UsageStats {
    return this.#dispatch.stats;
  }

  add(event: string, waitUntil?: (work: Promise<unknown>) => void): void {
    if (this.#closing !== undefined) return this.#dispatch.drop();
    this.#dispatch.put(event);
    this.#wake(waitUntil); // also where there was no room: what should have made some may be lost
  }

  flush(): Promise<boolean> {
    return this.#dispatch.flush();
  }

  /** Takes nothing more, goes on trying until one deadline has passed, and drops the rest. */
  close(): Promise<void> {
    this.#closing ??= this.#drain();
    return this.#closing;
  }

  async #drain(): Promise<void> {
    const end = this.#clock.now() + this.#deadline;
    while (!(await this.#dispatch.flush()) && this.#dispatch.notBefore < end) {
      await this.#sleep(this.#dispatch.notBefore - this.#clock.now(), true);
    }
    this.#dispatch.clear();
    this.#run = undefined;
  }

  /** Begins a run, unless one is there that wakes in time. */
  #wake(waitUntil?: (work: Promise<unknown>) => void): void {
    const now = this.#clock.now();
    if (this.#run !== undefined && now <= this.#run.lostAt && this.#run.wakes <= this.#dispatch.due(now)) return;
    const run: Run = { wakes: now, lostAt: now, retires: waitUntil === undefined ? Number.POSITIVE_INFINITY : now + LIFETIME };
    this.#run = run;
    const work = this.#work(run);
    waitUntil?.(work);
  }

  async #work(run: Run): Promise<void> {
    const next = () => this.#dispatch.due(this.#clock.now());
    for (let due = next(); due < run.retires; due = next()) {
      run.wakes = due;
      run.lostAt = due + LOST_AFTER;
      await this.#sleep(due - this.#clock.now()); // also when it is due now: the response goes first
      if (this.#run !== run) return;
      const now = this.#clock.now();
      if (this.#dispatch.due(now) > now) continue;
      run.wakes = Number.NEGATIVE_INFINITY;
      run.lostAt = now + this.#deadline + LOST_AFTER;
      await this.#dispatch.attempt();
      if (this.#run !== run) return;
    }
    this.#run = undefined;
  }

  #sleep(ms: number, keepAlive = false): Promise<void> {
    return new Promise((resolve) => void this.#clock.setTimeout(resolve, Math.max(0, ms), keepAlive));
  }
}
