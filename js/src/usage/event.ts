import type { Code } from "../generated/codes.js";

/** One request and what became of it: what the control plane keeps of it. No credential, no query string. */
export interface UsageEvent {
  /** The key's public id; absent when no key was found. */
  readonly keyId?: string | undefined;
  /** When it was judged, Unix seconds. */
  readonly at: number;
  /** The method, in capitals; `-` where there is none. */
  readonly method: string;
  /** Path, or the path's template such as `/v1/zones/{id}`; `-` where there is none. */
  readonly endpoint: string;
  /** The client's address, where it is known. */
  readonly ip?: string | undefined;
  /** Its country, two capitals, where it is known. */
  readonly country?: string | undefined;
  /** HTTP status of the response. */
  readonly status: number;
  /** Code of the verdict. */
  readonly code: Code;
  /** An id of your own, up to 64 visible ASCII characters, such as a request id; without one the reporter makes one. */
  readonly event?: string | undefined;
}

/** What may be said about a request beyond what the request itself says. */
export interface UsageDetails {
  /** The path's template, such as `/v1/zones/{id}`, so that ids and whatever else stands in paths is not reported. */
  readonly endpoint?: string | undefined;
  /** The client's address. */
  readonly ip?: string | undefined;
  /** Its country, two capitals. */
  readonly country?: string | undefined;
  /** An id of your own. */
  readonly event?: string | undefined;
  /** For a verdict over a bare key, which knows no request. */
  readonly method?: string | undefined;
}

/** {@link UsageDetails}, and the status of the response. */
export interface UsageOutcome extends UsageDetails {
  /** HTTP status of the response. A refused verdict knows the one of its reply. */
  readonly status?: number | undefined;
  /** Keeps background work alive after the response, where the platform has it and `verify` was not told of it. */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined;
}

/** What an edge can say of itself. All of it is read when it is said. */
export interface EdgeState {
  /** When the verifier refreshes. */
  readonly mode: "timer" | "demand" | "manual";
  /** The epoch that serves, 0 for none. */
  readonly epoch: number;
  /** When its head was issued, Unix seconds, 0 for none. */
  readonly issuedAt: number;
  /** Version of the root under which it serves, 0 for none. */
  readonly rootVersion: number;
  /** The verifier's clock, Unix seconds; not a number while it tells none. */
  readonly at: number;
}

/** What a verifier tells whoever watches it. Neither may wait; what they throw is discarded. */
export interface EdgeWatch {
  /** A refresh has ended, and another epoch may serve. */
  refreshed(): void;
  /** A request is being answered, where the verifier does not refresh by a timer: background work can go with it. */
  touch(waitUntil?: (work: Promise<unknown>) => void): void;
}

/** Where usage events go. `usageReporter` makes one that sends them to the control plane; write your own for other places. */
export interface UsageSink {
  /** Realm whose keys the events are about. A verifier of another realm refuses this sink. */
  readonly realm?: string;
  /**
   * Takes an event, after the status of the response is known. It must not wait: background work is handed to `waitUntil`,
   * where the platform has one. What it throws is discarded.
   */
  record(event: UsageEvent, waitUntil?: (work: Promise<unknown>) => void): void;
  /** `false` for a sink that takes no events, and only {@link watch}es. */
  readonly events?: boolean;
  /** Asked once the status is known: what only the host knows of this request. What it throws is discarded. */
  describe?(request: any): UsageDetails | undefined;
  /** Called with each verifier that is made with this sink, so that the sink may tell which epoch it serves by. */
  watch?(edge: EdgeState): EdgeWatch;
}
