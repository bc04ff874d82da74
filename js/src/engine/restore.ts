/** Another instance for one that has stopped, made of what lies in its memory. The core proves all of it again. */
import type { Instance, Place } from "./instance.js";
import { Pace, type Timing } from "./pace.js";
import { MemoryParts, type Parts } from "./parts.js";

/** What it takes to load once more what serves. */
export interface Loaded {
  /** The newest head of the tree. */
  readonly head: Uint8Array;
  readonly treeBytes: number;
  /** Where the core's table of the tree's objects lies in its memory. */
  readonly table: Place;
}

/**
 * Brings a fresh instance so far that it can begin: all that is missing then is in the parts that come with it. Throws what the core
 * says to it.
 *
 * @param more what the stopped instance had at hand itself
 */
export async function prepare(fresh: Instance, stopped: Instance, { head, table }: Loaded, roots: readonly Uint8Array[], more: Parts | undefined, timing: Timing): Promise<Parts> {
  const parts = new MemoryParts(stopped, table, more);
  for (const root of roots) stageRoot(fresh, root);
  fresh.input(head);
  fresh.checked((wasm) => wasm.offer(timing.now()));
  fresh.checked((wasm) => wasm.begin(timing.now()));
  const pace = new Pace(timing);
  for (const [place, at] of parts.places) {
    if (fresh.call((wasm) => wasm.ready()) === 1) break;
    fresh.input(stopped.bytes(at));
    fresh.checked((wasm) => wasm.stage_supply(place));
    await pace.spent(at.length);
  }
  return parts;
}

export function stageRoot(instance: Instance, root: Uint8Array): void {
  instance.input(root);
  instance.checked((wasm) => wasm.stage_root());
}

/** Where the objects of the tree that serves lie now. */
export function tableOf(instance: Instance): Place {
  const length = instance.call((wasm) => wasm.objects());
  return { at: instance.call((wasm) => wasm.table_ptr()) >>> 0, length };
}
