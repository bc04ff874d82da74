import type { Code } from "../generated/codes.js";
import type { EdgeState } from "../usage/event.js";

/** Another epoch has come into force. */
export interface EdgeUpdate {
  readonly epoch: number;
  /** The one before it, 0 for none. */
  readonly previous: number;
  /** Version of the root under which it serves. */
  readonly rootVersion: number;
  /** When its head was issued, Unix seconds. */
  readonly issuedAt: number;
}

/** What a verifier has done since it was made, for metrics and health checks. */
export interface VerifierStats {
  readonly realm: string;
  readonly mode: EdgeState["mode"];
  /** As of the verifier. */
  readonly ready: boolean;
  readonly epoch: number;
  readonly rootVersion: number;
  readonly age: number;
  /** Verdicts by their code, those that were given at least once. */
  readonly verdicts: Readonly<Partial<Record<Code, number>>>;
  /** Times that another epoch came into force. */
  readonly updates: number;
  /** Refreshes that ended well, whether they brought anything or not. */
  readonly refreshes: number;
  /** Errors by their code, as `onError` heard of them. */
  readonly errors: Readonly<Record<string, number>>;
  /** When a refresh last ended well, Unix seconds by the verifier's clock; `undefined` for never. */
  readonly refreshedAt: number | undefined;
  /** The last error; its message holds no secret. */
  readonly lastError: { readonly code: string; readonly message: string; readonly at: number } | undefined;
}
