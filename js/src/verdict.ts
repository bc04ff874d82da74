import { ALL_SERVICES, FIELD_SEPARATOR, IDENTITY, ITEM_SEPARATOR } from "./engine/exports.js";
import type { Serving } from "./engine/serving.js";
import type { Snapshot } from "./engine/snapshot.js";
import { type Code, CODE, type CodeRow, CODES, PACKED } from "./generated/codes.js";
import { type Reply, replyOf, responseOf } from "./reply.js";
import type { UsageOutcome } from "./usage/event.js";
import type { PendingEvent } from "./usage/pending.js";

/**
 * The outcome of one verification. What it says beyond {@link ok} is worked out when it is asked for, and the identity of the key ({@link keyId}
 * to {@link metadata}) when one of these is asked for first. The snapshot in which the verdict was reached is kept for that as long as the verdict
 * lives: the one that serves, the one before it, and up to 64 in all as far as they hold little that is not in the one that serves. After
 * that, or when the core has stopped, an identity that was never asked for is gone: of an accepted key reading it throws, `keyId` and `org`
 * of a refused one are `undefined`.
 *
 * ```ts
 * if (!verdict.ok) return verdict.response();
 * console.log(verdict.keyId, verdict.org, verdict.roles);
 * ```
 */
export class Verdict {
  #packed: number;
  readonly #engine: Serving;
  /** What served when the verdict was reached; the identity is read from its tree. */
  readonly #snapshot: Snapshot;
  readonly #now: number;
  readonly #head: boolean;
  readonly #event: PendingEvent | undefined;
  /** The text of the identity, empty for none, once it was read. */
  #identity: string | undefined;

  /** @internal */
  constructor(packed: number, engine: Serving, now: number, head: boolean, event?: PendingEvent) {
    this.#packed = Number.isSafeInteger(packed) ? packed : CODE.internal;
    this.#engine = engine;
    this.#snapshot = engine.snapshot;
    this.#now = now;
    this.#head = head;
    this.#event = event;
  }

  /** Whether the key is accepted. */
  get ok(): boolean {
    return (this.#packed & PACKED.code) === 0;
  }

  /** The precise code, such as `revoked`: for logs and metrics. Do not tell the caller more than {@link reply} does. */
  get code(): Code {
    return this.#row.name;
  }

  /** Whether this is a CORS preflight that may pass unauthenticated. It is not {@link ok}: there is no identity. */
  get preflight(): boolean {
    return (this.#packed & PACKED.preflight) !== 0;
  }

  /** Whether the snapshot is past its `not_after` and serves by the host's grace. */
  get stale(): boolean {
    return (this.#packed & PACKED.stale) !== 0;
  }

  /** Epoch of the snapshot that was asked, 0 for none. */
  get epoch(): number {
    return this.#snapshot.epoch;
  }

  /** Seconds since the head of that snapshot was issued, `Infinity` for none. */
  get age(): number {
    const { epoch, issuedAt } = this.#snapshot;
    return epoch === 0 ? Number.POSITIVE_INFINITY : this.#now - issuedAt;
  }

  /** The key's public id, such as `key_00000000001`. Known for refused keys too, as long as the key exists. */
  get keyId(): string | undefined {
    return this.#field("keyId");
  }

  /** The organisation that owns the key. Known for refused keys too, as long as the key exists. */
  get org(): string | undefined {
    return this.#field("org");
  }

  /** The user or service account that the key belongs to; accepted keys only, as all that follows. */
  get owner(): string | undefined {
    return this.ok ? this.#field("owner") : undefined;
  }

  /** The key's name. */
  get name(): string | undefined {
    return this.ok ? this.#field("name") : undefined;
  }

  /** Names of the key's roles. */
  get roles(): readonly string[] {
    return this.#list("roles");
  }

  /** The services that the key may be used for: `all`, or their names. */
  get scope(): "all" | readonly string[] {
    const scope = this.#list("services");
    return scope.length === 1 && scope[0] === ALL_SERVICES ? "all" : scope;
  }

  /** The key's custom metadata, parsed; `undefined` for none. */
  get metadata(): unknown {
    const json = this.ok ? this.#field("metadata") : undefined;
    return json ? JSON.parse(json) : undefined;
  }

  /** The HTTP answer to a refused request as plain data. Throws for a verdict that is {@link ok}, which has none. */
  get reply(): Reply {
    if (this.ok) throw new Error("an accepted verdict has no reply: the request goes on to its handler");
    const row = (this.#packed & PACKED.masked) !== 0 ? (CODES[CODE.unknown] as CodeRow) : this.#row;
    return replyOf(row, this.#engine.realm, (this.#packed & PACKED.bare) !== 0, this.#head);
  }

  /** The same as a fetch `Response`. */
  response(): Response {
    return responseOf(this.reply);
  }

  /** Reads the identity of an accepted key now, out of a tree that may lose it. If it cannot be read, the verdict becomes `internal`. @internal */
  hold(): this {
    if (this.ok && this.#read() === "") this.#packed = CODE.internal;
    return this;
  }

  /** What it asks for before it can be final, for {@link Serving.wanted}; `undefined` for one that is. @internal */
  get needs(): number | undefined {
    return (this.#packed & PACKED.code) === CODE.shard_needed ? this.#packed : undefined;
  }

  /** Makes a verdict final whose object has not come. @internal */
  giveUp(): this {
    this.#packed = CODE.shard_unavailable;
    return this;
  }

  /**
   * Reports this request to the verifier's `usage`, once the status of its response is known. `protect` and `middleware` do so
   * by themselves; what is given before then, such as the path's template, is kept for it. A refused verdict knows the status of
   * its reply. The first call with a status counts; without `usage` nothing happens. Never throws.
   */
  report(outcome: UsageOutcome = {}): void {
    this.#event?.report(this, outcome);
  }

  /** Reports in the place of an earlier verdict over the same request. @internal */
  supersede(earlier: unknown): void {
    if (typeof earlier !== "object" || earlier === null || !(#event in earlier)) return;
    if (earlier.#event !== undefined) this.#event?.supersede(earlier.#event);
  }

  /** What may be logged: no secret, nothing of the request. */
  toJSON(): Record<string, unknown> {
    const { ok, code, keyId, org, epoch, age, stale } = this;
    return { ok, code, keyId, org, epoch, age, stale };
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
      throw new Error("the identity of this verdict is gone: many snapshots came, or the verification core stopped, before it was asked for");
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
