/** What is written of what an edge holds. */
import type { Engine } from "../engine/engine.js";
import type { Row } from "../engine/holding.js";
import { Pace, type Timing } from "../engine/pace.js";
import type { Snapshot } from "../engine/snapshot.js";
import type { Name } from "./store.js";
import { beginning } from "./value.js";

/** `changes` that are more than this part of what is held cost more, written again with each update, than a new `tree` now and then. */
const CHANGES_SHARE = 32;

/** A value to be written. */
export interface Packed {
  readonly name: Name;
  readonly bytes: Uint8Array;
  /** What it keeps. */
  readonly snapshot: Snapshot;
  /** What `tree` has once it is written. */
  readonly tags: ReadonlyMap<number, number>;
}

/**
 * A copy of what an edge is to keep: of all that it holds, or of what differs from a `tree` whose objects have these tags by their places. What is
 * replaced while it is copied is copied once more, then without pauses. `undefined` while there is nothing to be kept.
 */
export async function pack(engine: Engine, tags: ReadonlyMap<number, number> | undefined, timing: Timing): Promise<Packed | undefined> {
  for (const paced of [true, false]) {
    const [holding, { snapshot }] = [engine.holding(), engine];
    if (holding === undefined) return undefined;
    const { rows, read, unmoved } = holding;
    const changed = rows.filter(({ place, tag }) => tags?.get(place) !== tag);
    const small = tags !== undefined && sizeOf(changed) * CHANGES_SHARE <= sizeOf(rows);
    const written = small ? changed : rows;
    const begin = beginning(holding, written);
    const bytes = new Uint8Array(begin.length + sizeOf(written));
    bytes.set(begin);
    const pace = new Pace(timing);
    let at = begin.length;
    for (const row of written) {
      if (!unmoved()) break;
      bytes.set(read(row), at);
      at += row.length;
      if (paced) await pace.spent(row.length);
    }
    if (unmoved()) return { name: small ? "changes" : "tree", bytes, snapshot, tags: small ? tags : new Map(rows.map(({ place, tag }) => [place, tag])) };
  }
  return undefined;
}

const sizeOf = (rows: readonly Row[]) => rows.reduce((sum, { length }) => sum + length, 0);
