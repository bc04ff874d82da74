/** Long work in short steps, between which requests are answered. */

/** Bytes per call into the core: short calls reach optimised code early. */
export const SLICE = 1 << 15;
/** Bytes that are hashed or copied between two turns of the event loop: about a millisecond. */
const TURN = 8 * SLICE;
/** What a call takes beside that, counted in bytes. */
const CALL = 1 << 11;

/** Time and turns of the event loop, from outside. */
export interface Timing {
  /** Unix seconds. */
  readonly now: () => number;
  /** Lets other work run. */
  readonly pause: () => Promise<void>;
}

/** Counts the work that one task has done since it last let others run. */
export class Pace {
  readonly #pause: () => Promise<void>;
  #left = TURN;

  constructor({ pause }: Timing) {
    this.#pause = pause;
  }

  /** To be awaited after each call that took so many bytes. */
  async spent(bytes: number): Promise<void> {
    this.#left -= bytes + CALL;
    if (this.#left > 0) return;
    await this.#pause();
    this.#left = TURN;
  }
}
