/** Proving a bundle in a fresh instance, a slice at a time, while another instance answers requests. */
import type { Instance, Place } from "./instance.js";

/** Bytes per call while a bundle is hashed: short calls reach optimised code early, and can be interleaved. */
const SLICE = 1 << 15;
/** Slices between two turns of the event loop, about a millisecond. */
const SLICES_PER_TURN = 8;

/** Time and turns of the event loop, from outside. */
export interface Timing {
  /** Unix seconds. */
  readonly now: () => number;
  /** Lets other work run. */
  readonly pause: () => Promise<void>;
}

/** What is to be proven. */
export interface Candidate {
  readonly bundle: Uint8Array;
  /** The roots that lead from the deployed one to the signers of its head, in order. */
  readonly roots: readonly Uint8Array[];
  /** A head of the same tree that came by itself, newer than the bundle's own or the same. */
  readonly head: Uint8Array | undefined;
  /** Whether the bundle's own head counts for nothing, so that only {@link head} vouches for the tree. */
  readonly headAlone: boolean;
}

/** What else goes on meanwhile. */
export interface Surroundings {
  /** Whether nothing serves: then the directory is enough to begin with, and the core proves each other part when it is first needed. */
  readonly urgent: () => boolean;
  /** Throws when the work has become pointless. */
  readonly check: () => void;
}

/** Resolves to where the bundle lies in the instance, which is then ready for `commit`. Rejects when any part is refused. */
export async function prove(
  instance: Instance,
  { bundle, roots, head, headAlone }: Candidate,
  { now, pause }: Timing,
  { urgent, check }: Surroundings,
): Promise<Place> {
  for (const root of roots) {
    instance.input(root);
    instance.checked((wasm) => wasm.stage_root());
  }
  if (head !== undefined) {
    instance.input(head);
    instance.checked((wasm) => wasm.offer(now()));
  }
  const place = instance.input(bundle);
  instance.checked((wasm) => (headAlone ? wasm.stage_offered(now()) : wasm.stage(now())));
  for (let slice = 1; instance.checked((wasm) => wasm.stage_check(SLICE)) > 0; slice++) {
    if (urgent() && instance.call((wasm) => wasm.stage_ready()) === 1) break;
    if (slice % SLICES_PER_TURN > 0) continue;
    await pause();
    check();
  }
  return place;
}
