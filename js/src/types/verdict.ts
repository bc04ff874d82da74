import type { Code } from "../generated/codes.js";
import type { Reply } from "../reply.js";
import type { UsageOutcome } from "../usage/event.js";

/** What every verdict says. */
interface Judged {
  /** Whether this is a CORS preflight that may pass unauthenticated. It is not `ok`: there is no identity. */
  readonly preflight: boolean;
  /** Whether the snapshot is past its `not_after` and serves by the host's grace. */
  readonly stale: boolean;
  /** Epoch of the snapshot that was asked, 0 for none. */
  readonly epoch: number;
  /** Seconds since the head of that snapshot was issued, `Infinity` for none. */
  readonly age: number;
  /**
   * Address of the client, as the option `clientIp` derives it; `undefined` if it is not known. Of a bare key, what it was given as `ip`. The core works it out
   * when it is asked for.
   */
  readonly ip: string | undefined;
  /**
   * Reports this request to the verifier's `usage`, once the status of its response is known. `protect` and the adapters do so
   * by themselves; what is given before then, such as the path's template, is kept for it. A refused verdict knows the status of
   * its reply. The first call with a status counts; without `usage` nothing happens. Never throws.
   */
  report(outcome?: UsageOutcome): void;
  /** What may be logged: no secret, nothing of the request. It is what `console.log(verdict)` shows. Never throws. */
  toJSON(): Record<string, unknown>;
  /** Reports in the place of an earlier verdict over the same request. @internal */
  supersede(earlier: unknown): void;
  /** The request headers that a response to it may depend on, as `Vary` lists them. @internal */
  readonly vary: string;
}

/**
 * The verdict over an accepted key. Its identity is read when it is asked for, and costs nothing before. The snapshot in which the verdict was reached
 * is kept for that as long as the verdict lives: the one that serves, the one before it, and up to 64 in all as far as they hold little that
 * is not in the one that serves. After that, or when the core has stopped, an identity that was never asked for is gone: reading it
 * throws a `VerdictError` (`identity_gone`). A lazy edge reads it with the verdict, but for {@link permissions}.
 *
 * `Metadata` is what your control plane stores with keys; nothing checks it.
 */
export interface Accepted<Metadata = unknown> extends Judged {
  readonly ok: true;
  readonly code: "valid";
  /** The key's public id, such as `key_00000000001`. */
  readonly keyId: string;
  /** The organisation that owns the key. */
  readonly org: string;
  /** The user or service account that the key belongs to. */
  readonly owner: string;
  /** The key's name, which may be empty. */
  readonly name: string;
  /** When the key expires; `undefined` for never. */
  readonly expiresAt: Date | undefined;
  /** Names of the key's roles. */
  readonly roles: readonly string[];
  /** The patterns that these roles grant, such as `zone.*`, each once. For display: whether a permission is granted, a requirement asks. */
  readonly permissions: readonly string[];
  /** The services that the key may be used for: `all`, or their names. */
  readonly scope: "all" | readonly string[];
  /** The key's custom metadata, parsed; `undefined` for none. */
  readonly metadata: Metadata | undefined;
}

/** The verdict over a refused request, a preflight, or, where a credential is optional, one without any. The names of an identity are there, and say nothing. */
export interface Refused extends Judged {
  /** Told apart by this. */
  readonly ok: false;
  /** The precise code, such as `revoked`: for logs and metrics. Do not tell the caller more than {@link reply} does. */
  readonly code: Exclude<Code, "valid">;
  /** The key's public id, as long as the key exists: for logs. */
  readonly keyId: string | undefined;
  /** The organisation that owns it, likewise. */
  readonly org: string | undefined;
  /** Nobody is told. */
  readonly owner: undefined;
  /** Not told. */
  readonly name: undefined;
  /** Not told. */
  readonly expiresAt: undefined;
  /** None: nothing is granted. */
  readonly roles: readonly [];
  /** None. */
  readonly permissions: readonly [];
  /** None. */
  readonly scope: readonly [];
  /** Not told. */
  readonly metadata: undefined;
  /** The HTTP answer as plain data. */
  readonly reply: Reply;
  /** The same as a fetch `Response`. */
  response(): Response;
}

/**
 * The outcome of one verification. `ok` tells the two apart:
 *
 * ```ts
 * if (!verdict.ok) return verdict.response();
 * console.log(verdict.keyId, verdict.org, verdict.roles);
 * ```
 */
export type Verdict<Metadata = unknown> = Accepted<Metadata> | Refused;
