/**
 * An instance for what another one served: one that has stopped, in whose memory the objects still lie, or one of an earlier life of this
 * edge, of which they were kept. The core proves all of it again.
 */
import { UpdateError } from "../errors.js";
import { Offer } from "./exports.js";
import type { Instance, Place } from "./instance.js";
import { Pace, type Timing } from "./pace.js";
import type { Parts } from "./parts.js";

/** What it takes to load once more what serves. */
export interface Loaded {
  /** The newest head of the tree. */
  readonly head: Uint8Array;
  readonly treeBytes: number;
  /** Where the core's table of the tree's objects lies in its memory. */
  readonly table: Place;
}

/** Objects that are asked for at once. */
const BATCH = 64;

/**
 * Brings a fresh instance so far that it can begin: all that is missing then is in the parts. Throws what the core says to it. Resolves
 * to the bytes of all objects of the tree.
 */
export async function prepare(fresh: Instance, head: Uint8Array, roots: readonly Uint8Array[], parts: Parts, timing: Timing): Promise<number> {
  for (const root of roots) stageRoot(fresh, root);
  fresh.input(head);
  if (fresh.checked((wasm) => wasm.offer(timing.now())) === Offer.rootNeeded) throw new UpdateError("root_needed", "the head needs a later root, which is not here");
  fresh.checked((wasm) => wasm.begin(timing.now()));
  const pace = new Pace(timing);
  while (fresh.call((wasm) => wasm.ready()) !== 1) {
    const needs = fresh.needs("stage_needs", 0, BATCH);
    if (needs.length === 0) throw missing();
    for (const need of needs) {
      const bytes = parts.object(need);
      if (bytes === undefined) throw missing();
      fresh.input(bytes);
      fresh.checked((wasm) => wasm.stage_supply(need.place));
      await pace.spent(bytes.length);
    }
  }
  return fresh.call((wasm) => wasm.stage_bytes());
}

export const missing = () => new UpdateError("wrong_digest", "a part of the snapshot is missing");

export function stageRoot(instance: Instance, root: Uint8Array): void {
  instance.input(root);
  instance.checked((wasm) => wasm.stage_root());
}

/** Where the objects of the tree that serves lie now. */
export function tableOf(instance: Instance): Place {
  const length = instance.call((wasm) => wasm.objects());
  return { at: instance.call((wasm) => wasm.table_ptr()) >>> 0, length };
}
