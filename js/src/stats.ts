/** What a verifier counts. A verdict costs an addition. */
import type { Serving } from "./engine/serving.js";
import { EdgelatchError } from "./errors.js";
import { type Code, CODE, CODES } from "./generated/codes.js";
import type { EdgeUpdate, VerifierStats } from "./types/stats.js";
import { quietly } from "./util/hook.js";

/** Codes of errors that are counted by name; a source of the host's may make up any number of them. */
const MAX_CODES = 64;
const OTHER = "other";

export class Counts {
  /** By the number of their code. */
  readonly #verdicts: number[] = CODES.map(() => 0);
  readonly #errors = new Map<string, number>();
  readonly #now: () => number;
  #lastError: VerifierStats["lastError"];
  #refreshes = 0;
  #refreshedAt: number | undefined;
  #updates = 0;

  /** @param now Unix seconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  verdict(code: Code): void {
    (this.#verdicts[CODE[code]] as number)++;
  }

  /** What hears of errors: they are counted, and handed on. */
  heard(onError: (error: Error) => void): (error: Error) => void {
    return (error) => {
      this.#error(error);
      quietly(onError, error);
    };
  }

  /** What hears of other epochs, likewise. */
  switched(onUpdate: ((update: EdgeUpdate) => void) | undefined): Serving["onSwitch"] {
    return ({ epoch, rootVersion, issuedAt }, { epoch: previous }) => {
      this.#updates++;
      // Not in the middle of the switch: the host may ask for anything there.
      if (onUpdate !== undefined) queueMicrotask(() => quietly(onUpdate, { epoch, previous, rootVersion, issuedAt }));
    };
  }

  #error(error: Error): void {
    const code = error instanceof EdgelatchError ? error.code : OTHER;
    const counted = this.#errors.has(code) || this.#errors.size < MAX_CODES ? code : OTHER;
    this.#errors.set(counted, (this.#errors.get(counted) ?? 0) + 1);
    this.#lastError = { code, message: error.message, at: this.#now() };
  }

  refreshed(): void {
    this.#refreshes++;
    this.#refreshedAt = this.#now();
  }

  /** All of it. */
  get told(): Pick<VerifierStats, "verdicts" | "updates" | "refreshes" | "errors" | "refreshedAt" | "lastError"> {
    const given = CODES.map(({ name, code }): [Code, number] => [name, this.#verdicts[code] as number]).filter(([, count]) => count > 0);
    return {
      verdicts: Object.fromEntries(given),
      updates: this.#updates,
      refreshes: this.#refreshes,
      errors: Object.fromEntries(this.#errors),
      refreshedAt: this.#refreshedAt,
      lastError: this.#lastError,
    };
  }
}
