/** A verdict over what is there now. */
import type { Engine } from "./engine/engine.js";
import { CODE } from "./generated/codes.js";
import type { WaitUntil } from "./refresh/single-flight.js";
import { blockOf, partsOf, type RequestParts } from "./request/block.js";
import { type Connection, connectionOf, UNKNOWN_CONNECTION } from "./request/connection.js";
import type { Requirements } from "./request/requirement.js";
import type { KeyOptions, NodeRequest } from "./types/verifier.js";
import { judgedOf, PendingEvent, type Reporting } from "./usage/pending.js";
import { own, plain } from "./util/own.js";
import { Verdict } from "./verdict.js";

/** Hears of each verdict: at a reading of a clock, or `NaN` if that may stand still. */
type Touch = (at: number, waitUntil?: WaitUntil) => void;

export class Judge {
  readonly #engine: Engine;
  readonly #requirements: Requirements;
  /** Milliseconds since 1970. */
  readonly #clock: () => number;
  /** Whether that clock ticks as time does; one of the host's may stand still. */
  readonly #ticks: boolean;
  readonly #reporting: Reporting | undefined;
  readonly #touch: Touch;

  /** @param clock the host's, milliseconds since 1970 */
  constructor(engine: Engine, requirements: Requirements, clock: (() => number) | undefined, reporting: Reporting | undefined, touch: Touch) {
    this.#engine = engine;
    this.#requirements = requirements;
    this.#clock = clock ?? Date.now;
    this.#ticks = clock === undefined;
    this.#reporting = reporting;
    this.#touch = touch;
  }

  /** Unix seconds, as the core is told them. */
  now(): number {
    return seconds(this.#time());
  }

  key(text: string, given: unknown): Verdict {
    const at = this.#time();
    const now = seconds(at);
    let packed: number = CODE.internal;
    let ip: string | undefined;
    try {
      const options: KeyOptions | undefined = plain(given);
      ip = options && own(options, "ip");
      packed = this.#engine.verifyKey(text, ip, this.#requirements.ofKey(options), now);
    } catch {
      // a stopped core has been reported; the verdict is `internal`
    }
    this.#touch(this.#ticks ? at : Number.NaN);
    const event = this.#reporting && new PendingEvent(this.#reporting, judgedOf(now, undefined, undefined, { ...UNKNOWN_CONNECTION, peer: ip }));
    return new Verdict(packed, this.#engine, now, false, event);
  }

  request(request: Request | NodeRequest, requirement: unknown, context: unknown): Verdict {
    const at = this.#time();
    const now = seconds(at);
    let packed: number = CODE.internal;
    let parts: RequestParts | undefined;
    let connection: Connection = UNKNOWN_CONNECTION;
    try {
      connection = connectionOf(context, request);
      parts = partsOf(request, this.#engine.headerNames);
      packed = this.#engine.verifyBlock(blockOf(parts, connection), this.#requirements.of(requirement, parts), now);
    } catch {
      // not a request, or a stopped core, which has been reported; the verdict is `internal`
    }
    this.#touch(this.#ticks ? at : Number.NaN, connection.waitUntil);
    const event = this.#reporting && new PendingEvent(this.#reporting, judgedOf(now, parts && request, parts, connection));
    return new Verdict(packed, this.#engine, now, parts?.method === "HEAD", event);
  }

  /** A clock of the host's that fails, or tells no number, gives no time, which the core answers with `clock_invalid`. */
  #time(): number {
    try {
      const time: unknown = this.#clock();
      return typeof time === "number" ? time : Number.NaN;
    } catch {
      return Number.NaN;
    }
  }
}

function seconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}
