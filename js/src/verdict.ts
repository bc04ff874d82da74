import type { Core } from "./core.js";
import type { Engine } from "./engine.js";
import { type Code, CODE, CODES, type CodeRow, PACKED } from "./generated/codes.js";
import { type Reply, replyOf, responseOf } from "./reply.js";
import type { Draft } from "./usage/draft.js";
import type { UsageOutcome } from "./usage/event.js";

/** The outcome of one verification. Everything but {@link ok} is worked out when it is asked for. */
export class Verdict {
  #packed: number;
  readonly #engine: Engine;
  /** Keeps the tree in memory that the verdict was reached in, until the identity is read from it. */
  #core: Core | undefined;
  readonly #epoch: number;
  readonly #issuedAt: number;
  readonly #now: number;
  readonly #head: boolean;
  readonly #draft: Draft | undefined;
  #fields: readonly string[] | undefined;

  /** @internal */
  constructor(packed: number, engine: Engine, now: number, head: boolean, draft?: Draft) {
    this.#packed = Number.isSafeInteger(packed) ? packed : CODE.internal;
    this.#engine = engine;
    const { core, epoch, issuedAt } = engine.snapshot;
    this.#core = core;
    this.#epoch = epoch;
    this.#issuedAt = issuedAt;
    this.#now = now;
    this.#head = head;
    this.#draft = draft;
  }

  /** Whether the key is accepted. */
  get ok(): boolean {
    return (this.#packed & PACKED.code) === 0;
  }

  /** The precise code: for logs and metrics, not for the caller. */
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
    return this.#epoch;
  }

  /** Seconds since the head of that snapshot was issued, `Infinity` for none. */
  get age(): number {
    return this.#epoch === 0 ? Number.POSITIVE_INFINITY : this.#now - this.#issuedAt;
  }

  /** The key's public id. Known for refused keys too, as long as the key exists. */
  get keyId(): string | undefined {
    return this.#field(0);
  }

  /** The organisation that owns the key. Known for refused keys too, as long as the key exists. */
  get org(): string | undefined {
    return this.#field(1);
  }

  /** The user or service account that the key belongs to; accepted keys only, as all that follows. */
  get owner(): string | undefined {
    return this.ok ? this.#field(2) : undefined;
  }

  /** The key's name. */
  get name(): string | undefined {
    return this.ok ? this.#field(3) : undefined;
  }

  /** Names of the key's roles. */
  get roles(): readonly string[] {
    return this.#list(4);
  }

  /** The services that the key may be used for: `all`, or their names. */
  get scope(): "all" | readonly string[] {
    const scope = this.#list(5);
    return scope.length === 1 && scope[0] === "*" ? "all" : scope;
  }

  /** The key's custom metadata. */
  get metadata(): unknown {
    const json = this.ok ? this.#field(6) : undefined;
    return json ? JSON.parse(json) : undefined;
  }

  /** The HTTP answer to a refused request as plain data. A verdict that is {@link ok} has none. */
  get reply(): Reply {
    if (this.ok) throw new Error("an accepted verdict has no reply: the request goes on to its handler");
    const row = (this.#packed & PACKED.masked) !== 0 ? (CODES[CODE.unknown] as CodeRow) : this.#row;
    return replyOf(row, this.#engine.realm, (this.#packed & PACKED.bare) !== 0, this.#head);
  }

  /** The HTTP answer to a refused request as a fetch `Response`. */
  response(): Response {
    return responseOf(this.reply);
  }

  /**
   * Reads an accepted key's identity now, and so releases the snapshot that it is read from: for verdicts that are kept. Should
   * that fail, the verdict becomes `internal`: ask {@link ok} afterwards.
   */
  hold(): this {
    if (this.ok && this.#read().length === 0) this.#packed = CODE.internal;
    return this;
  }

  /**
   * Hands this request to the verifier's `usage`, once its status is known. `protect` and `middleware` do it by themselves;
   * what is given before then, such as the path's template, is kept for it. A refused verdict knows the status of its reply.
   * The first call with a status counts; without `usage` nothing happens. Never throws.
   */
  report(outcome: UsageOutcome = {}): void {
    this.#draft?.report(this, outcome);
  }

  /** What may be logged: no secret, nothing of the request. */
  toJSON(): Record<string, unknown> {
    const { ok, code, keyId, org, epoch, age, stale } = this;
    return { ok, code, keyId, org, epoch, age, stale };
  }

  get #row(): CodeRow {
    return CODES[this.#packed & PACKED.code] ?? (CODES[CODE.internal] as CodeRow);
  }

  #read(): readonly string[] {
    if (this.#fields === undefined) {
      this.#fields = (this.#core && this.#engine.identity(this.#packed, this.#core)) ?? [];
      this.#core = undefined;
    }
    return this.#fields;
  }

  #field(index: number): string | undefined {
    const fields = this.#read();
    if (fields.length === 0 && this.ok) {
      throw new Error("the identity of this verdict is gone: the verification core stopped before it was read");
    }
    return fields[index];
  }

  #list(index: number): readonly string[] {
    const text = this.ok ? this.#field(index) : undefined;
    return text ? text.split("\x1e") : [];
  }
}
