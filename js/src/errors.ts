/**
 * Errors. Each has a `code` that stays what it is; messages are for people, and none holds a credential.
 */

/** On every error of this package, whichever copy of it made the error: a program may load it as ES module and as CommonJS. */
const MARK = Symbol.for("edgelatch.error");

/**
 * What every error of this package is: `error instanceof EdgelatchError`, and then `error.code`. What each code means, and what to do, is in
 * `docs/errors.md`.
 *
 * ```ts
 * const onError = (error: Error) => console.error(error instanceof EdgelatchError ? error.code : error.name, error.message);
 * ```
 */
export abstract class EdgelatchError extends Error {
  /** Stable name, such as `unreachable`. */
  abstract readonly code: string;
  /** @internal */
  readonly [MARK] = true;

  /** An {@link OptionError} is one too, though it is a `TypeError`. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // Each kind of error inherits this, and means its own.
    if (this !== (EdgelatchError as unknown)) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === "object" && value !== null && MARK in value;
  }
}

/** An option, or what was given to a function, is not what it must be. Its message begins with the name of what is at fault. A `TypeError`. */
export class OptionError extends TypeError {
  /** `bad_option`; `no_core` where the core could not be found or compiled. */
  readonly code: "bad_option" | "no_core";
  /** @internal */
  readonly [MARK] = true;

  constructor(detail: string, code: OptionError["code"] = "bad_option", options?: ErrorOptions) {
    super(detail, options);
    this.code = code;
  }
}

/** What the core refused: an update (what served before goes on serving), or the configuration of a new verifier. */
export class UpdateError extends EdgelatchError {
  override readonly name = "UpdateError";
  /** Stable name, such as `rollback`, `too_few_signatures` or `wrong_digest`; the table is in the core's `SPEC.md`. */
  readonly code: string;

  constructor(code: string, detail: string) {
    super(`${code}: ${detail}`);
    this.code = code;
  }
}

/** A source that could not answer, or not in time. What served before goes on serving. */
export class SourceError extends EdgelatchError {
  override readonly name = "SourceError";
  /** Stable name: `http_status`, `unreachable`, `redirect`, `too_large`, `deadline`, `behind`, `no_stream`, or `source` for one that answered nonsense. */
  readonly code: string;
  /** The address that was asked, without its query; with `http_status` and `unreachable` of `httpSource`. */
  readonly url: string | undefined;
  /** The status, with `http_status`. */
  readonly status: number | undefined;

  constructor(code: string, detail: string, options?: ErrorOptions & { readonly url?: string; readonly status?: number }) {
    super(`${code}: ${detail}`, options);
    this.code = code;
    this.url = options?.url;
    this.status = options?.status;
  }
}

/** The core stopped, which is a fault in it. Verdicts are `internal` (503) until the next refresh has set up a fresh instance. */
export class TrapError extends EdgelatchError {
  override readonly name = "TrapError";
  /** Always `trap`. */
  readonly code = "trap";

  constructor(cause: unknown) {
    super(`trap: the verification core stopped (${wordsOf(cause)})`, { cause });
  }
}

/** A cache that failed, or what it held was of no use. What serves, and the source, go on without it. */
export class CacheError extends EdgelatchError {
  override readonly name = "CacheError";
  /**
   * Stable name: `unreachable` and `deadline` for a cache that failed or did not answer, `too_large` for a value that it has no room for;
   * `content` for what no edge has kept, `refused` for what the core did not take, with its {@link UpdateError} as `cause`.
   */
  readonly code: "unreachable" | "deadline" | "too_large" | "content" | "refused";

  constructor(code: CacheError["code"], detail: string, options?: ErrorOptions) {
    super(`${code}: ${detail}`, options);
    this.code = code;
  }
}

/** Usage events that could not be sent, or not yet. */
export class UsageError extends EdgelatchError {
  override readonly name = "UsageError";
  /**
   * Stable name: `unreachable` and `deadline` are tried again, `http_status` too when the status says so (408, 425, 429 and
   * from 500 on; another one refuses the batch), `queue_full` means that events are being dropped.
   */
  readonly code: "unreachable" | "deadline" | "http_status" | "queue_full";
  /** The status, with `http_status`. */
  readonly status: number | undefined;

  constructor(code: UsageError["code"], detail: string, status?: number) {
    super(`${code}: ${detail}`);
    this.code = code;
    this.status = status;
  }
}

/** What was given as a request is none: a fault in the program. Its verdict is `bad_requirement` (500). */
export class RequestError extends EdgelatchError {
  override readonly name = "RequestError";
  /** Always `bad_request_object`. */
  readonly code = "bad_request_object";

  constructor(detail: string) {
    super(`bad_request_object: ${detail}`);
  }
}

/** A requirement is none, or the function that chooses it threw: a fault in the program. Its verdict is `bad_requirement` (500). */
export class RequirementError extends EdgelatchError {
  override readonly name = "RequirementError";
  /** Always `bad_requirement`. */
  readonly code = "bad_requirement";

  constructor(detail: string, options?: ErrorOptions) {
    super(`bad_requirement: ${detail}`, options);
  }
}

/** A verdict was asked for what it does not have. */
export class VerdictError extends EdgelatchError {
  override readonly name = "VerdictError";
  /** `no_reply` for the reply to an accepted request, `identity_gone` for an identity that nobody asked for in time. */
  readonly code: "no_reply" | "identity_gone";

  constructor(code: VerdictError["code"], detail: string) {
    super(`${code}: ${detail}`);
    this.code = code;
  }
}

/** A function that the host gave, such as `waitUntil`, threw. What it was for goes on without it. */
export class HostError extends EdgelatchError {
  override readonly name = "HostError";
  /** Always `host_function`. */
  readonly code = "host_function";

  constructor(what: string, cause: unknown) {
    super(`host_function: ${what} threw: ${wordsOf(cause)}`, { cause });
  }
}

/** What a source rejected with, as one of our errors: sources that hosts write throw what they like. */
export function sourceFault(reason: unknown): EdgelatchError {
  return reason instanceof EdgelatchError ? reason : new SourceError("source", wordsOf(reason), { cause: reason });
}

/** The words of what was thrown, whatever it is. */
export function wordsOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
