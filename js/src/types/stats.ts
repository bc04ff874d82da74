import type { Code } from "../generated/codes.js";
import type { EdgeState } from "../usage/event.js";

/** Another epoch has come into force. */
export interface EdgeUpdate {
  /** The one that serves from now on. */
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
  /** Whose keys are verified. */
  readonly realm: string;
  /** When the verifier refreshes. */
  readonly mode: EdgeState["mode"];
  /** Whether a snapshot is loaded. One whose head has ended is loaded too: verdicts are `snapshot_stale` then. */
  readonly ready: boolean;
  /** The epoch that serves, 0 for none. */
  readonly epoch: number;
  /** Version of the root under which it serves. */
  readonly rootVersion: number;
  /** Seconds since the head that serves was issued, `Infinity` for none. */
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
