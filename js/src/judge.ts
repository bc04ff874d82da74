/** A verdict over what is there now. */
import type { Engine } from "./engine/engine.js";
import type { Note } from "./engine/laid.js";
import { RequestError } from "./errors.js";
import { CODE } from "./generated/codes.js";
import type { WaitUntil } from "./refresh/single-flight.js";
import { BlockReader, type RequestText } from "./request/block.js";
import { type Connection, connectionOf, UNKNOWN_CONNECTION } from "./request/connection.js";
import type { Requirements } from "./request/requirement.js";
import type { KeyOptions, NodeRequest } from "./types/verifier.js";
import { type JudgedRequest, NO_REQUEST, PendingEvent, type Reporting } from "./usage/pending.js";
import { own, plain } from "./util/own.js";
import { Judgement } from "./verdict.js";

/** Hears of each verdict: at a reading of a clock, or `NaN` if that may stand still. */
type Touch = (at: number, waitUntil?: WaitUntil) => void;

/** A core that has stopped has noted nothing. */
const NO_NOTE: Note = { keyId: undefined, client: undefined };

export class Judge {
  readonly #engine: Engine;
  readonly #requirements: Requirements;
  readonly #reader: BlockReader;
  /** Milliseconds since 1970. */
  readonly #clock: () => number;
  /** Whether that clock ticks as time does; one of the host's may stand still. */
  readonly #ticks: boolean;
  readonly #reporting: Reporting | undefined;
  readonly #touch: Touch;
  readonly #report: (error: Error) => void;

  /**
   * @param clock the host's, milliseconds since 1970
   * @param report hears of what was given as a request and is none
   */
  constructor(engine: Engine, requirements: Requirements, clock: (() => number) | undefined, reporting: Reporting | undefined, touch: Touch, report: (error: Error) => void) {
    this.#engine = engine;
    this.#requirements = requirements;
    this.#reader = new BlockReader(engine.headerNames);
    this.#clock = clock ?? Date.now;
    this.#ticks = clock === undefined;
    this.#reporting = reporting;
    this.#touch = touch;
    this.#report = report;
  }

  /** Unix seconds, as the core is told them. */
  now(): number {
    return seconds(this.#time());
  }

  key(text: string, given: unknown): Judgement {
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
    const event = this.#reporting && new PendingEvent(this.#reporting, { ...NO_REQUEST, at: now, ip });
    return this.#verdict(packed, now, false, event, typeof ip === "string" ? ip : undefined);
  }

  request(request: Request | NodeRequest, requirement: unknown, context: unknown): Judgement {
    const at = this.#time();
    const now = seconds(at);
    const reporting = this.#reporting;
    let packed: number = CODE.internal;
    let text: RequestText | undefined;
    let connection: Connection = UNKNOWN_CONNECTION;
    let event: PendingEvent | undefined;
    try {
      connection = connectionOf(context, request);
      text = this.#reader.read(request, connection);
      packed = this.#engine.verifyBlock(text, this.#requirements.of(requirement, text), now, reporting !== undefined);
    } catch (error) {
      // a stopped core has been reported; the verdict is `internal`
      if (error instanceof RequestError) packed = this.#refuse(error);
    }
    if (reporting !== undefined) event = new PendingEvent(reporting, this.#judged(now, packed, request, text, connection));
    this.#touch(this.#ticks ? at : Number.NaN, connection.waitUntil);
    return this.#verdict(packed, now, text?.method === "HEAD", event, text);
  }

  /** A lazy edge may drop what holds the identity at any time, so it is read at once. */
  #verdict(packed: number, now: number, head: boolean, event: PendingEvent | undefined, client: string | RequestText | undefined): Judgement {
    const verdict = new Judgement(packed, this.#engine, now, head, event, client);
    return this.#engine.lazy ? verdict.hold() : verdict;
  }

  /** The program is at fault, as with a requirement that is none: it is no outage, and is told. */
  #refuse(error: RequestError): number {
    this.#report(error);
    return CODE.bad_requirement;
  }

  /** What is kept of a request for its report: not its header lines, which hold the credential. */
  #judged(at: number, packed: number, request: Request | NodeRequest, text: RequestText | undefined, { peer, waitUntil }: Connection): JudgedRequest {
    if (text === undefined) return { ...NO_REQUEST, at, ip: peer, waitUntil };
    const { keyId, client } = packed === CODE.internal ? NO_NOTE : this.#engine.noted(peer);
    return { at, method: text.method, target: text.target, request, keyId, ip: client, waitUntil };
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
