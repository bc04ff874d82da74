/** What the core refused: an update (what served before goes on serving), or the configuration of a new verifier. */
export class UpdateError extends Error {
  override readonly name = "UpdateError";
  /** Stable name, such as `rollback`, `too_few_signatures` or `wrong_digest`; the table is in the core's `SPEC.md`. */
  readonly code: string;

  constructor(code: string, detail: string) {
    super(`${code}: ${detail}`);
    this.code = code;
  }
}

/** A source that could not answer, or not in time. What served before goes on serving. */
export class SourceError extends Error {
  override readonly name = "SourceError";
  /** Stable name: `http_status`, `unreachable`, `redirect`, `too_large`, `deadline`, `behind`, `no_stream`, or `source` for one that answered nonsense. */
  readonly code: string;

  constructor(code: string, detail: string, options?: ErrorOptions) {
    super(`${code}: ${detail}`, options);
    this.code = code;
  }
}

/** The core stopped, which is a fault in it. Verdicts are `internal` (503) until the next refresh has set up a fresh instance. */
export class TrapError extends Error {
  override readonly name = "TrapError";
  /** Always `trap`. */
  readonly code = "trap";

  constructor(cause: unknown) {
    super(`trap: the verification core stopped (${cause instanceof Error ? cause.message : String(cause)})`, { cause });
  }
}

/** A cache that failed, or what it held was of no use. What serves, and the source, go on without it. */
export class CacheError extends Error {
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
export class UsageError extends Error {
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
export class RequestError extends Error {
  override readonly name = "RequestError";
  /** Always `bad_request_object`. */
  readonly code = "bad_request_object";

  constructor(detail: string) {
    super(`bad_request_object: ${detail}`);
  }
}
