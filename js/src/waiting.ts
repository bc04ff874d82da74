/** The way to a final verdict where what it takes is not there yet. */
import { MAX_BROUGHT } from "./engine/exports.js";
import type { Lookups } from "./engine/lookups.js";
import type { WaitUntil } from "./refresh/single-flight.js";
import { type Connection, UNKNOWN_CONNECTION } from "./request/connection.js";
import type { WaitOptions } from "./types/verifier.js";
import { systemClock } from "./util/clock.js";
import { unlessAborted } from "./util/deadline.js";
import type { Judgement } from "./verdict.js";

export class Waiting {
  readonly #load: (options: WaitOptions) => Promise<void>;
  readonly #lookups: Lookups | undefined;
  readonly #platform: WaitUntil | undefined;

  /**
   * @param load waits for the refresh that is due; never rejects
   * @param lookups of a lazy edge
   * @param platform keeps work alive for requests that come without a `waitUntil` of their own
   */
  constructor(load: (options: WaitOptions) => Promise<void>, lookups: Lookups | undefined, platform: WaitUntil | undefined) {
    this.#load = load;
    this.#lookups = lookups;
    this.#platform = platform;
  }

  /** The final verdict, once what it takes has come: a refresh where there is no `first` one, objects where there is one that needs them. Never rejects. */
  async final(first: Judgement | undefined, judge: () => Judgement, connectionOf: () => Connection): Promise<Judgement> {
    let { waitUntil, signal } = UNKNOWN_CONNECTION;
    try {
      ({ waitUntil, signal } = connectionOf());
    } catch {
      // not a request, as its verdict says
    }
    if (first === undefined) await this.#load({ waitUntil, signal });
    // The refresh that was waited for has bounds of its own.
    const begun = systemClock.now();
    let verdict = first ?? judge();
    for (let tries = 0; verdict.needs !== undefined; tries++) {
      const { needs } = verdict;
      const bring = async () => tries < MAX_BROUGHT && (await this.#lookups?.bring(needs, waitUntil ?? this.#platform, begun));
      const brought = await unlessAborted(signal, bring()).catch(() => false);
      verdict = brought === true ? judge() : verdict.giveUp();
    }
    return verdict;
  }
}
