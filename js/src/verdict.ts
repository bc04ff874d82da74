/** What verdicts are: a number of the core's, and the moment in which it was reached. The rest is worked out when it is asked for. */
import { ALL_SERVICES, FIELD_SEPARATOR, IDENTITY, ITEM_SEPARATOR } from "./engine/exports.js";
import type { Laid } from "./engine/laid.js";
import type { Serving } from "./engine/serving.js";
import type { Snapshot } from "./engine/snapshot.js";
import { VerdictError } from "./errors.js";
import { type Code, CODE, type CodeRow, CODES, PACKED } from "./generated/codes.js";
import { type Reply, replyOf, responseOf } from "./reply.js";
import type { Verdict } from "./types/verdict.js";
import type { UsageOutcome } from "./usage/event.js";
import type { PendingEvent } from "./usage/pending.js";

/** The last moment that a `Date` knows, in milliseconds. */
const LAST_DATE = 8.64e15;
/** Node, Deno and Bun ask an object by this name what to show of it. */
const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** What {@link Verdict} is, whether accepted or refused. */
export class Judgement {
  #packed: number;
  readonly #engine: Serving;
  /** What served when the verdict was reached; the identity is read from its tree. */
  readonly #snapshot: Snapshot;
  readonly #now: number;
  readonly #head: boolean;
  readonly #event: PendingEvent | undefined;
  /** The text of the identity, empty for none, once it was read. */
  #identity: string | undefined;
  /** The client's address, or the request that it is worked out of when it is first asked for. */
  #client: string | Laid | undefined;

  /** @param client the address that was given with a key; or the request that was judged */
  constructor(packed: number, engine: Serving, now: number, head: boolean, event?: PendingEvent, client?: string | Laid) {
    this.#packed = Number.isSafeInteger(packed) ? packed : CODE.internal;
    this.#engine = engine;
    this.#snapshot = engine.snapshot;
    this.#now = now;
    this.#head = head;
    this.#event = event;
    this.#client = client;
  }

  get ok(): boolean {
    return (this.#packed & PACKED.code) === 0;
  }
  get code(): Code {
    return this.#row.name;
  }
  get preflight(): boolean {
    return (this.#packed & PACKED.preflight) !== 0;
  }
  get stale(): boolean {
    return (this.#packed & PACKED.stale) !== 0;
  }
  get epoch(): number {
    return this.#snapshot.epoch;
  }
  get age(): number {
    const { epoch, issuedAt } = this.#snapshot;
    return epoch === 0 ? Number.POSITIVE_INFINITY : this.#now - issuedAt;
  }

  get ip(): string | undefined {
    const client = this.#client;
    return typeof client === "object" ? (this.#client = this.#engine.client(client)) : client;
  }

  get keyId(): string | undefined {
    return this.#field("keyId");
  }
  get org(): string | undefined {
    return this.#field("org");
  }
  get owner(): string | undefined {
    return this.ok ? this.#field("owner") : undefined;
  }

  get name(): string | undefined {
    return this.ok ? this.#field("name") : undefined;
  }

  get expiresAt(): Date | undefined {
    const seconds = this.ok ? Number(this.#field("expiresAt")) : 0;
    return seconds === 0 ? undefined : new Date(Math.min(seconds * 1000, LAST_DATE));
  }

  get roles(): readonly string[] {
    return this.#list("roles");
  }

  get permissions(): readonly string[] {
    if (!this.ok) return [];
    const text = this.#engine.grants(this.#packed, this.#snapshot.tree.generation);
    if (text === undefined) throw gone();
    return text === "" ? [] : [...new Set(text.split(ITEM_SEPARATOR))];
  }

  get scope(): "all" | readonly string[] {
    const scope = this.#list("services");
    return scope.length === 1 && scope[0] === ALL_SERVICES ? "all" : scope;
  }

  get metadata(): unknown {
    const json = this.ok ? this.#field("metadata") : undefined;
    return json ? JSON.parse(json) : undefined;
  }

  get reply(): Reply {
    if (this.ok) throw new VerdictError("no_reply", "an accepted verdict has no reply: the request goes on to its handler");
    const row = (this.#packed & PACKED.masked) !== 0 ? (CODES[CODE.unknown] as CodeRow) : this.#row;
    const { realm, manner } = this.#engine;
    return replyOf(row, `${manner.challenge} realm="${realm}"`, (this.#packed & PACKED.bare) !== 0, this.#head);
  }

  response(): Response {
    return responseOf(this.reply);
  }

  get vary(): string {
    return this.#engine.manner.vary;
  }

  /** Reads the identity of an accepted key now, out of a tree that may lose it. If it cannot be read, the verdict becomes `internal`. */
  hold(): this {
    if (this.ok && this.#read() === "") this.#packed = CODE.internal;
    return this;
  }

  /** What it asks for before it can be final, for {@link Serving.wanted}; `undefined` for one that is. */
  get needs(): number | undefined {
    return (this.#packed & PACKED.code) === CODE.shard_needed ? this.#packed : undefined;
  }

  /** Makes a verdict final whose object has not come. */
  giveUp(): this {
    this.#packed = CODE.shard_unavailable;
    return this;
  }

  report(outcome: UsageOutcome = {}): void {
    this.#event?.report(this.shown(), outcome);
  }

  supersede(earlier: unknown): void {
    if (typeof earlier !== "object" || earlier === null || !(#event in earlier)) return;
    if (earlier.#event !== undefined) this.#event?.supersede(earlier.#event);
  }

  /** As its readers know it. */
  shown(): Verdict {
    return this as unknown as Verdict;
  }

  toJSON(): Record<string, unknown> {
    const { ok, code, epoch, age, stale } = this;
    try {
      const { keyId, org } = this;
      return { ok, code, keyId, org, epoch, age, stale };
    } catch {
      return { ok, code, epoch, age, stale }; // the identity is gone
    }
  }

  /** @param inspect that of the runtime, which knows colours and depth */
  [INSPECT](_depth: number, options: object, inspect?: (value: unknown, options: object) => string): unknown {
    const shown = this.toJSON();
    return inspect === undefined ? shown : `Verdict ${inspect(shown, options)}`;
  }

  get #row(): CodeRow {
    return CODES[this.#packed & PACKED.code] ?? (CODES[CODE.internal] as CodeRow);
  }

  #read(): string {
    return (this.#identity ??= this.#engine.identity(this.#packed, this.#snapshot.tree.generation) ?? "");
  }

  #field(name: keyof typeof IDENTITY): string | undefined {
    const text = this.#read();
    if (text === "") {
      if (!this.ok) return undefined;
      throw gone();
    }
    let from = 0;
    for (let field = 0; field < IDENTITY[name]; field++) from = text.indexOf(FIELD_SEPARATOR, from) + 1;
    const end = text.indexOf(FIELD_SEPARATOR, from);
    return end < 0 ? text.slice(from) : text.slice(from, end);
  }

  #list(name: keyof typeof IDENTITY): readonly string[] {
    const text = this.ok ? this.#field(name) : undefined;
    return text ? text.split(ITEM_SEPARATOR) : [];
  }
}

function gone(): VerdictError {
  return new VerdictError("identity_gone", "the identity of this verdict is gone: many snapshots came, or the verification core stopped, before it was asked for");
}
