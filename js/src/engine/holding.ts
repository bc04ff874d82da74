/** What an edge holds at one moment, for whoever keeps it: to be read out of the core's memory as long as it is unmoved. */

import type { Snapshot } from "./snapshot.js";

/** An object that is here. */
export interface Row {
  /** Where it stands in its tree, as the core numbers places. */
  readonly place: number;
  readonly at: number;
  readonly length: number;
  /** Tells it from another object at its place: the beginning of its digest. */
  readonly tag: number;
}

export interface Holding extends Snapshot {
  readonly head: Uint8Array;
  /** The roots from the deployed one to that of the head. */
  readonly roots: readonly Uint8Array[];
  /** Version of the first of them. */
  readonly firstRoot: number;
  /** The objects of the tree that are here, its top page first. */
  readonly rows: readonly Row[];
  /** The bytes of one of them. */
  readonly read: (row: Row) => Uint8Array;
  /** Whether the objects still lie where they did. */
  readonly unmoved: () => boolean;
}
