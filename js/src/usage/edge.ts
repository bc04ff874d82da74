/** What an edge says of itself, and when: after it has taken a new epoch, and from time to time, so that it is known to be there. */
import { UsageError } from "../errors.js";
import { LOST_AFTER, type WaitUntil } from "../refresh/single-flight.js";
import { readLimited } from "../sources/reply.js";
import { backoff } from "../util/backoff.js";
import type { Clock } from "../util/clock.js";
import type { EdgeState, EdgeWatch } from "./event.js";
import type { Answer, Message } from "./post.js";

/** What this package calls itself. */
export const SDK = "edgelatch-js/0.1.0";
/** Until the control plane says otherwise, milliseconds: between two reports, and over which reports of a new epoch are spread. */
const PACE: Pace = { interval: 30_000, spread: 1000 };
/** The shortest and the longest interval that a control plane may ask for, and the longest spread. */
const [MIN_INTERVAL, MAX_INTERVAL, MAX_SPREAD] = [1000, 3_600_000, 60_000];
/** No edge reports more often, milliseconds. */
const MIN_GAP = 1000;
/** The first pause after a failure, milliseconds. */
const FIRST_PAUSE = 1000;
/** Bytes of an answer: several times what it has. */
const MAX_ANSWER = 4096;
/** The latest time that the control plane takes, Unix seconds. */
const MAX_TIME = 253_402_300_799;

interface Pace {
  readonly interval: number;
  readonly spread: number;
}

/** Sends a report, and lets `read` have the reply if it was taken. Never rejects. */
export type SendReport = (message: Message, read: (reply: Response) => Promise<void>) => Promise<Answer>;

/** Reports one verifier. */
export class EdgeReports implements EdgeWatch {
  readonly #send: SendReport;
  readonly #name: string | undefined;
  readonly #edge: EdgeState;
  readonly #deadline: number;
  readonly #onError: (error: UsageError) => void;
  readonly #clock: Clock;
  /** Drawn with the first report: Workers draw nothing in the global scope. */
  #id = "";
  #count = 0;
  #pace = PACE;
  /** The epoch that was seen last, and since when it serves; `undefined` before the first refresh. */
  #epoch: number | undefined;
  #since = 0;
  /** The epoch that the last report told. */
  #told: number | undefined;
  /** The moment of the next report, and before which there is none after a failure. */
  #due = Number.POSITIVE_INFINITY;
  #notBefore = 0;
  #begun = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #timer: unknown;
  #flight: { readonly lostAt: number; readonly done: Promise<void> } | undefined;
  #closing: Promise<void> | undefined;

  constructor(send: SendReport, name: string | undefined, edge: EdgeState, deadline: number, onError: (error: UsageError) => void, clock: Clock) {
    this.#send = send;
    this.#name = name;
    this.#edge = edge;
    this.#deadline = deadline;
    this.#onError = onError;
    this.#clock = clock;
  }

  refreshed(): void {
    const { epoch } = this.#edge;
    if (epoch === this.#epoch) return;
    const now = this.#clock.now();
    [this.#epoch, this.#since] = [epoch, now];
    this.#soon(now);
  }

  touch(waitUntil?: WaitUntil): void {
    const now = this.#clock.now();
    if (now < this.#due || this.#closing !== undefined || (this.#flight !== undefined && now <= this.#flight.lostAt)) return;
    const flight = { lostAt: now + this.#deadline + LOST_AFTER, done: this.#report(now) };
    this.#flight = flight;
    void flight.done.then(() => {
      if (this.#flight !== flight) return;
      this.#flight = undefined;
      if (this.#told !== this.#epoch) this.#soon(this.#clock.now());
      else this.#arm();
    });
    waitUntil?.(flight.done);
  }

  /** Says that this edge ends, if it ever said that it is there. Never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#goodbye();
    return this.#closing;
  }

  async #goodbye(): Promise<void> {
    this.#clock.clearTimeout(this.#timer as never);
    // One that was dropped with the request that carried it never ends.
    if (this.#flight !== undefined) await Promise.race([this.#flight.done, this.#sleep(this.#deadline)]);
    if (this.#count > 0) await this.#send(this.#message(true), async () => {});
  }

  /** The earliest moment of another report. */
  get #earliest(): number {
    return Math.max(this.#begun + Math.max(this.#pace.spread, MIN_GAP), this.#notBefore);
  }

  /** A new epoch is told within a moment that differs from edge to edge, and those that follow it meanwhile with it. */
  #soon(now: number): void {
    this.#due = Math.min(this.#due, Math.max(now + this.#pace.spread * this.#clock.random(), this.#earliest));
    this.#arm();
  }

  /** Where refreshes go by requests, so do reports: there may be no timers. */
  #arm(): void {
    if (this.#edge.mode === "demand" || this.#closing !== undefined || this.#flight !== undefined) return;
    this.#clock.clearTimeout(this.#timer as never);
    // Timers count whole milliseconds, and may run a part of one too early.
    const wake = () => (this.#clock.now() < this.#due ? this.#arm() : this.touch());
    this.#timer = this.#clock.setTimeout(wake, Math.max(0, this.#due - this.#clock.now()));
  }

  async #report(now: number): Promise<void> {
    this.#begun = now;
    this.#due = now + this.#pace.interval * (0.9 + 0.2 * this.#clock.random());
    // The response goes first.
    await this.#sleep(0);
    const message = this.#message(false);
    const answer = await this.#send(message, async (reply) => {
      // The report was taken, whatever became of the answer.
      const answer = await readLimited(reply, MAX_ANSWER, "report").catch(() => undefined);
      this.#pace = paceOf(new TextDecoder().decode(answer)) ?? this.#pace;
    });
    if (answer.error === undefined) {
      [this.#failures, this.#notBefore] = [0, 0];
      return;
    }
    const { interval } = this.#pace;
    // What was refused is tried again as seldom as may be: whoever hears of it may mend it.
    const pause = "again" in answer ? Math.max(backoff(++this.#failures, FIRST_PAUSE, interval, this.#clock.random()), answer.again ?? 0) : interval;
    if (!("again" in answer)) this.#failures++;
    this.#notBefore = this.#clock.now() + Math.min(pause, MAX_INTERVAL);
    this.#due = this.#earliest;
    if (this.#failures === 1) this.#onError(answer.error);
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.setTimeout(resolve, ms, true));
  }

  #message(closing: boolean): Message {
    if (this.#id === "") this.#id = crypto.randomUUID();
    const { epoch, issuedAt, rootVersion, at, mode } = this.#edge;
    this.#told = epoch;
    const body = {
      edge: this.#id,
      name: this.#name,
      report: ++this.#count,
      epoch,
      issued_at: issuedAt,
      root_version: rootVersion,
      serving: Math.max(0, Math.floor((this.#clock.now() - this.#since) / 1000)),
      at: at >= 0 && at <= MAX_TIME ? at : 0,
      mode,
      sdk: SDK,
      closing,
    };
    return { body: JSON.stringify(body) };
  }
}

/** What an answer asks for, within bounds; `undefined` if it is no such answer. */
function paceOf(text: string): Pace | undefined {
  try {
    const { interval, spread } = JSON.parse(text) as Record<string, unknown>;
    if (typeof interval !== "number" || typeof spread !== "number") return undefined;
    const within = (value: number, min: number, max: number) => Math.min(Math.max(value, min), max);
    return { interval: within(interval * 1000, MIN_INTERVAL, MAX_INTERVAL), spread: within(spread, 0, MAX_SPREAD) };
  } catch {
    return undefined;
  }
}
