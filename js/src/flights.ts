/** Keeps background work alive after a response. */
export type WaitUntil = (work: Promise<unknown>) => void;

/** A look under way. */
export interface Flight {
  readonly since: number;
  readonly done: Promise<boolean>;
}

/** Work that outlives its deadline by this was lost with the request that carried it (a platform may drop both). */
export const LOST_AFTER = 1000;

/** Looks, one at a time, of which one may be lost. Moments come from the caller's clock. */
export class Flights {
  readonly #look: (since: number) => Promise<boolean>;
  readonly #lifetime: number;
  readonly #onError: (error: Error) => void;
  #flight: Flight | undefined;
  /** The flight that some request lets live on after its response. */
  #carried: Flight | undefined;

  constructor(look: (since: number) => Promise<boolean>, deadline: number, onError: (error: Error) => void) {
    this.#look = look;
    this.#lifetime = deadline + LOST_AFTER;
    this.#onError = onError;
  }

  underWay(now: number): Flight | undefined {
    return this.#flight !== undefined && now - this.#flight.since <= this.#lifetime ? this.#flight : undefined;
  }

  /** The flight under way, or a new one. */
  join(now: number): Flight {
    const before = this.underWay(now);
    if (before !== undefined) return before;
    const flight = { since: now, done: this.#look(now) };
    this.#flight = flight;
    const land = () => {
      if (this.#flight === flight) this.#flight = this.#carried = undefined;
    };
    flight.done.then(land, land);
    return flight;
  }

  /** Hands the flight there is, if any, to a request that can carry it, unless another one does. */
  carry(waitUntil: WaitUntil | undefined): void {
    const flight = this.#flight;
    if (flight === undefined || flight === this.#carried || waitUntil === undefined) return;
    this.#carried = flight;
    try {
      waitUntil(flight.done.catch(() => {}));
    } catch (error) {
      this.#onError(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
