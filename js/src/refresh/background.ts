import type { WaitUntil } from "./single-flight.js";

/** What there is beside the source of an edge. */
export interface Background {
  /** Resolves when the edge serves without having heard of its source: by what was kept of its last life. */
  readonly begun?: Promise<void> | undefined;
  /** Resolves when what a refresh left to be done is done. */
  readonly settled?: () => Promise<void>;
  /** Keeps work alive behind the request that is being answered, where the host does not say how. */
  readonly waitUntil?: WaitUntil | undefined;
}
