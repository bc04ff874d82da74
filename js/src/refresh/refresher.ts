/** Refreshes when they are due, never twice at once, and takes what a stream pushes; who waits for that, and how long. */
import type { Update } from "../engine/update.js";
import { OptionError, SourceError, sourceFault, UpdateError } from "../errors.js";
import type { PushedHead, Source } from "../sources/source.js";
import type { RefreshOptions } from "../types/options.js";
import type { Verifier } from "../types/verifier.js";
import { type Clock, systemClock } from "../util/clock.js";
import { until, within } from "../util/deadline.js";
import { Agenda } from "./agenda.js";
import type { Background } from "./background.js";
import { type RefreshSettings, refreshSettings } from "./settings.js";
import { LOST_AFTER, SingleFlight, type WaitUntil } from "./single-flight.js";
import { HeadStream } from "./stream.js";

/** Heads that wait for the refresh under way: taking these up one by one costs less than asking for what leads to the last; more of them do not. */
const MAX_PUSHED = 8;

export class Refresher {
  readonly #update: Update;
  readonly #serving: Pick<Verifier, "epoch" | "ready">;
  readonly #onError: (error: Error) => void;
  readonly #clock: Clock;
  readonly #background: Background;
  readonly #settings: RefreshSettings;
  readonly #flights: SingleFlight;
  readonly #agenda: Agenda;
  readonly #stream: HeadStream | undefined;
  /** Heads that the stream pushed and no refresh has taken up, oldest first: the patch of each leads on from the one before it. */
  readonly #pushed: { readonly head: PushedHead; readonly waited: boolean }[] = [];
  #touchedAt = Number.NaN;
  #closed = false;

  /**
   * @param serving what it is for: whether it can answer, and which epoch it has
   * @param source if it can be watched, a stream is opened after the first refresh
   */
  constructor(
    update: Update,
    serving: Pick<Verifier, "epoch" | "ready">,
    options: RefreshOptions,
    onError: (error: Error) => void,
    source: Pick<Source, "watch">,
    clock: Clock = systemClock,
    background: Background = {},
  ) {
    this.#update = update;
    this.#serving = serving;
    this.#onError = onError;
    this.#clock = clock;
    this.#background = background;
    this.#settings = refreshSettings(options);
    this.#flights = new SingleFlight((since) => this.#refresh(since), this.#settings.deadline, onError, async () => background.settled?.());
    this.#agenda = new Agenda(() => void this.refresh().catch(() => {}), serving, this.#settings, clock);
    this.#stream = this.#streamOf(source);
  }

  /** When refreshes are started. */
  get mode(): RefreshSettings["mode"] {
    return this.#settings.mode;
  }

  /** Whether {@link due} waits: what is there is old or cannot answer, and a refresh is due or has only just begun. */
  get overdue(): boolean {
    if (this.#idle) return false;
    const now = this.#clock.now();
    if (this.#serving.ready && this.#agenda.fresh(now)) return false;
    const flight = this.#flights.underWay(now);
    return flight === undefined ? this.#agenda.due(now) : now < flight.since + this.#patience;
  }

  /** Refreshes now, or joins the refresh under way. */
  refresh(waitUntil?: WaitUntil): Promise<boolean> {
    const { done } = this.#flights.join(this.#clock.now());
    return this.#carry(waitUntil), done;
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
      if (this.#agenda.due(now)) this.#flights.join(now);
    }
    this.#carry(waitUntil);
  }

  /** If {@link overdue}, joins the refresh under way or starts the one that is due, and waits for it, within bounds. Never rejects. */
  async due(waitUntil?: WaitUntil): Promise<void> {
    if (!this.overdue) return;
    const flight = this.#flights.join(this.#clock.now());
    this.#carry(waitUntil);
    let landed = false;
    const land = () => void (landed = true);
    const done = flight.done.then(land, land);
    const { begun = done } = this.#background;
    const { maxWait } = this.#settings;
    await until(flight.since + Math.min(maxWait, this.#patience), this.#clock, done);
    // What was kept may serve by now, or begin to while the source still does not answer.
    if (!landed && this.#patience > maxWait) await until(flight.since + this.#patience, this.#clock, Promise.race([done, begun]));
  }

  #carry(waitUntil: WaitUntil | undefined): void {
    this.#flights.carry(waitUntil ?? this.#background.waitUntil);
  }

  /** The core has stopped: refreshes at once, or after growing pauses while it keeps stopping. */
  soon(): void {
    this.#touchedAt = Number.NaN;
    this.#agenda.stopped();
  }

  /** Starts no refresh any more, and ends the stream. */
  close(): void {
    this.#closed = true;
    this.#agenda.close();
    this.#stream?.close();
  }

  /** Whether no refresh is started but by {@link refresh}. */
  get #idle(): boolean {
    return this.#closed || this.#settings.mode === "manual";
  }

  /**
   * How long a refresh is waited for, from its beginning. The very first snapshot is worth all of it, for the first requests where there are no timers.
   */
  get #patience(): number {
    const { mode, maxWait, deadline } = this.#settings;
    return mode === "demand" && !this.#serving.ready ? deadline + LOST_AFTER : maxWait;
  }

  async #refresh(since: number): Promise<boolean> {
    const [pushed, { deadline }] = [this.#pushed.shift(), this.#settings];
    this.#agenda.began();
    try {
      const changed = await within(deadline, () => new SourceError("deadline", `the refresh took longer than ${deadline} ms`), this.#clock, (signal) => this.#update(signal, pushed?.head));
      if (pushed === undefined) this.#skip(); // what was asked for may be newer than all but the last
      this.#agenda.succeeded(since, this.#pushed.length > 0);
      return changed;
    } catch (reason) {
      const error = sourceFault(reason);
      if (pushed?.waited && error instanceof UpdateError && error.code === "rollback") {
        this.#agenda.succeeded(since, this.#pushed.length > 0); // the bundle that was fetched meanwhile was further
        return false;
      }
      this.#skip();
      this.#agenda.failed();
      this.#onError(error);
      throw error;
    } finally {
      this.#touchedAt = Number.NaN;
      this.#stream?.open();
    }
  }

  #streamOf(source: Pick<Source, "watch">): HeadStream | undefined {
    const { stream, streamDemanded: demanded, maxBackoff } = this.#settings;
    const watch = source.watch?.bind(source);
    if (demanded && watch === undefined) throw new OptionError("refresh.stream: this source has no watch() method");
    if (!stream || watch === undefined) return undefined;
    return new HeadStream(watch, () => this.#serving.epoch, { demanded, maxBackoff }, {
      onUp: () => this.#agenda.streamUp(), onDown: () => this.#streamDown(), onError: this.#onError,
      onHead: (head) => this.#offer(head), onIdle: () => this.#nothingNewer(),
    }, this.#clock);
  }

  /** A head that was pushed goes the way of one that was asked for: behind the refresh under way, or the pause after one that failed. */
  #offer(head: PushedHead): void {
    const now = this.#clock.now();
    const [resting, flight] = [this.#agenda.resting(now), this.#flights.underWay(now)];
    if (this.#pushed.push({ head, waited: resting || flight !== undefined }) > MAX_PUSHED || resting) this.#skip();
    if (flight === undefined) this.#go();
    else flight.done.then(this.#go, this.#go); // it may be over already, with nobody who looks once more
  }

  readonly #go = () => {
    const now = this.#clock.now();
    if (this.#pushed.length > 0 && this.#flights.underWay(now) === undefined && !this.#agenda.resting(now)) this.refresh().catch(() => {});
  };

  /** Leaves the last one of what was pushed: what leads to it is asked for. */
  #skip(): void {
    this.#pushed.splice(0, this.#pushed.length - 1);
  }

  /** Nothing newer than what was pushed; but what was pushed may not have been taken over yet. */
  #nothingNewer(): void {
    if (this.#pushed.length === 0 && this.#flights.underWay(this.#clock.now()) === undefined) this.#agenda.nothingNewer();
  }

  #streamDown(): void {
    this.#pushed.length = 0; // the source is asked instead
    this.#agenda.streamDown();
  }
}
