/** How a lazy edge gets the objects that verdicts ask for, while their requests wait. Whether one may be fetched is the core's to say. */
import { OptionError, SourceError, sourceFault, TrapError } from "../errors.js";
import { LOST_AFTER, type WaitUntil } from "../refresh/single-flight.js";
import type { Source } from "../sources/source.js";
import type { Clock } from "../util/clock.js";
import { within } from "../util/deadline.js";
import { behind } from "./delivery.js";
import type { Engine } from "./engine.js";
import { placeNeeded, RETURNING } from "./exports.js";
import type { Need } from "./parts.js";

/** An object that is being fetched. */
interface Flight {
  readonly since: number;
  /** Whether it came, or there is another tree by now: whether it is worth judging again. Never rejects. */
  readonly done: Promise<boolean>;
}

/**
 * Objects on their way at once. A source that answers in half a second serves the usual rate with fifty; where it takes longer, keys that were
 * never seen leave half of them to those that were.
 */
const MAX_FLIGHTS = 64;

/** Milliseconds between two reports of failures: a source that is down fails for every key that is not at hand. */
const REPORT_PAUSE = 1000;

export class Lookups {
  readonly #engine: Engine;
  readonly #object: NonNullable<Source["object"]>;
  readonly #seconds: () => number;
  readonly #patience: number;
  readonly #report: (error: Error) => void;
  readonly #clock: Clock;
  readonly #flights = new Map<number, Flight>();
  #quietUntil = 0;

  /**
   * @param seconds Unix seconds, as the core is told them
   * @param patience milliseconds that a request waits for one object at most
   */
  constructor(engine: Engine, source: Source, seconds: () => number, patience: number, report: (error: Error) => void, clock: Clock) {
    if (typeof source.object !== "function") throw new OptionError("lazy: the source has no object() method, by which single objects are fetched");
    this.#engine = engine;
    this.#object = source.object.bind(source);
    this.#seconds = seconds;
    this.#patience = patience;
    this.#report = report;
    this.#clock = clock;
  }

  /**
   * Brings the object that a packed verdict asks for. Resolves to whether it is worth judging again; never rejects.
   *
   * @param begun when its request began to wait, by the clock of this edge: for all that it needs it waits no longer than for one object
   */
  async bring(packed: number, waitUntil: WaitUntil | undefined, begun: number): Promise<boolean> {
    try {
      const flight = this.#join(packed);
      if (typeof flight === "boolean") return flight;
      this.#carry(flight, waitUntil);
      // A fetch may be dropped with the request that began it; this timer belongs to the caller's.
      const left = Math.max(0, begun + this.#patience - this.#clock.now());
      return await within(left, () => late(this.#patience), this.#clock, () => flight.done, true);
    } catch {
      return false; // too late, or the core has stopped, which has been reported
    }
  }

  #carry(flight: Flight, waitUntil: WaitUntil | undefined): void {
    try {
      waitUntil?.(flight.done);
    } catch (error) {
      this.#tell(error); // the fetch goes on as long as the platform lets it
    }
  }

  /** The fetch of that object; `true` if it is here, `false` if it may not be fetched now. */
  #join(packed: number): Flight | boolean {
    const [place, now] = [placeNeeded(packed), this.#clock.now()];
    const before = this.#flights.get(place);
    if (before !== undefined && !this.#isLost(before, now)) return before;
    this.#forgetLost(now);
    if (this.#flights.size >= ((packed & RETURNING) === 0 ? MAX_FLIGHTS / 2 : MAX_FLIGHTS)) return false;
    const need = this.#engine.wanted(packed, this.#seconds());
    if (typeof need === "boolean") return need;
    const flight = { since: now, done: this.#fetch(need) };
    this.#flights.set(place, flight);
    void flight.done.then(() => {
      if (this.#flights.get(place) === flight) this.#flights.delete(place);
    });
    return flight;
  }

  /** Whether a flight never ends: a platform may drop it with the request that began it. */
  #isLost(flight: Flight, now: number): boolean {
    return now - flight.since > this.#patience + LOST_AFTER;
  }

  #forgetLost(now: number): void {
    for (const [place, flight] of this.#flights) {
      if (!this.#isLost(flight, now)) return; // they stand in the order in which they began
      this.#flights.delete(place);
    }
  }

  async #fetch(need: Need): Promise<boolean> {
    const { generation } = this.#engine.snapshot;
    try {
      const ask = (signal: AbortSignal) => this.#object(need.digest, { signal, maxBytes: need.length });
      const bytes = await within(this.#patience, () => late(this.#patience), this.#clock, ask);
      if (bytes === undefined) throw behind();
      this.#engine.supply(need, bytes);
      return true;
    } catch (error) {
      if (error instanceof TrapError) return false; // which has been reported
      // What was to be fetched for the tree before may be another object in this one, and there no more.
      if (this.#engine.snapshot.generation !== generation) return true;
      this.#tell(error);
      return false;
    }
  }

  #tell(error: unknown): void {
    const now = this.#clock.now();
    if (now < this.#quietUntil) return;
    this.#quietUntil = now + REPORT_PAUSE;
    this.#report(sourceFault(error));
  }
}

function late(ms: number): SourceError {
  return new SourceError("deadline", `an object that a key asks for has not come within ${ms} ms`);
}
