import { HostError } from "../errors.js";

/** Keeps background work alive after a response. */
export type WaitUntil = (work: Promise<unknown>) => void;

/** A refresh under way. */
export interface Flight {
  /** When it began. */
  readonly since: number;
  readonly done: Promise<boolean>;
}

/** Milliseconds past its deadline after which work is taken for lost: a platform may drop it with the request that carried it. */
export const LOST_AFTER = 1000;

/** Refreshes, one at a time: who wants one while one is under way joins it. Moments come from the caller's clock. */
export class SingleFlight {
  readonly #refresh: (since: number) => Promise<boolean>;
  readonly #lifetime: number;
  readonly #onError: (error: Error) => void;
  readonly #settled: () => Promise<void>;
  #flight: Flight | undefined;
  /** The flight that some request keeps alive after its response. */
  #carried: Flight | undefined;

  /** @param settled resolves when what a refresh left to be done is done; whoever carries the refresh carries that too */
  constructor(refresh: (since: number) => Promise<boolean>, deadline: number, onError: (error: Error) => void, settled: () => Promise<void>) {
    this.#refresh = refresh;
    this.#lifetime = deadline + LOST_AFTER;
    this.#onError = onError;
    this.#settled = settled;
  }

  /** The flight under way, unless it must be lost. */
  underWay(now: number): Flight | undefined {
    return this.#flight !== undefined && now - this.#flight.since <= this.#lifetime ? this.#flight : undefined;
  }

  /** The flight under way, or a new one. Its failure is handled here; whoever wants to know of it asks `done`. */
  join(now: number): Flight {
    const before = this.underWay(now);
    if (before !== undefined) return before;
    const flight = { since: now, done: this.#refresh(now) };
    this.#flight = flight;
    const land = () => {
      if (this.#flight === flight) this.#flight = this.#carried = undefined;
    };
    flight.done.then(land, land);
    return flight;
  }

  /** Hands the flight there is, if any, to a request that can keep it alive, unless another one does. */
  carry(waitUntil: WaitUntil | undefined): void {
    const flight = this.#flight;
    if (flight === undefined || flight === this.#carried || waitUntil === undefined) return;
    this.#carried = flight;
    try {
      waitUntil(flight.done.then(this.#settled, this.#settled));
    } catch (error) {
      this.#onError(new HostError("waitUntil", error));
    }
  }
}
