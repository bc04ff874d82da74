/** How the tree that a head names comes from a source: as what changed, as single objects, or as a whole. The core proves all of it. */
import { SourceError, TrapError, UpdateError } from "../errors.js";
import { LIMIT } from "../generated/codes.js";
import type { Source } from "../sources/source.js";
import type { Arriving } from "./arriving.js";
import { type Candidate, fits, type Lacking } from "./candidate.js";
import type { Engine } from "./engine.js";
import { Pace, SLICE, type Timing } from "./pace.js";
import { BundleParts } from "./parts.js";

/** Objects that are fetched one by one: more of them take longer than a bundle. */
const MAX_OBJECTS = 32;
/** They are worth the requests while they are less than this part of the bundle, if there is one. */
export const OBJECTS_SHARE = 4;
/** Requests under way at once: what browsers keep connections for, with some left for others. */
const PARALLEL = 4;

/**
 * Brings a candidate what differs from the tree that serves. Returns it if that was all it lacks. What a source does not have or
 * what is refused is no error here: the bundle is left.
 *
 * @param share objects are fetched one by one while they are less than the tree divided by this
 * @param pushed a patch that came with the head. It may lead from another tree than the one that serves, which the core says at once
 */
export async function fetchDifference(
  engine: Engine,
  source: Source,
  timing: Timing,
  bundleBytes: number,
  signal: AbortSignal,
  share: number,
  pushed?: Uint8Array,
): Promise<Candidate | undefined> {
  const maxBytes = Math.min(LIMIT.patchBytes, bundleBytes);
  const patched = async (find: (between: Candidate) => Promise<Uint8Array | undefined> | Uint8Array | undefined) => {
    const candidate = engine.begin(timing.now());
    try {
      const patch = await find(candidate);
      signal.throwIfAborted();
      if (patch !== undefined) {
        fits("patch", patch, maxBytes);
        await candidate.patch(patch, timing);
      }
      return candidate;
    } catch (error) {
      surmountable(error, signal);
      return engine.begin(timing.now());
    }
  };
  if (pushed !== undefined) {
    const candidate = await patched(() => pushed);
    if (candidate.complete) return candidate;
  }
  const candidate = await patched(({ from, to }) => source.patch?.(from, to, { signal, maxBytes }));
  try {
    await fetchObjects(candidate, source, signal, share);
  } catch (error) {
    surmountable(error, signal);
  }
  return candidate.complete ? candidate : undefined;
}

/** Fetches what a tree lacks object by object, if that is little. */
export async function fetchObjects(tree: Lacking, source: Source, signal: AbortSignal, share: number): Promise<void> {
  if (source.object === undefined) return;
  let [count, room] = [MAX_OBJECTS, tree.treeBytes / share];
  for (;;) {
    // What these name in turn is asked for in the next round. The length of a top page is not known before it is here: it counts as the longest.
    const needs = tree.needs(count + 1);
    count -= needs.length;
    room = needs.reduce((left, { length }) => left - length, room);
    if (needs.length === 0 || count < 0 || room < 0) return;
    const next = needs.values();
    const worker = async () => {
      for (const need of next) {
        const bytes = await source.object?.(need.digest, { signal, maxBytes: need.length });
        signal.throwIfAborted();
        if (bytes === undefined) throw behind();
        tree.supply(need, bytes);
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
  }
}

/**
 * Feeds a bundle to a candidate and puts it into force: where nothing serves and the bundle is in memory, as soon as it can answer. Of a
 * lazy edge, the candidate is complete long before the end, and the rest is not read.
 */
export async function takeBundle(engine: Engine, candidate: Candidate, bundle: Arriving, timing: Timing, signal: AbortSignal): Promise<void> {
  const early = bundle.whole !== undefined && engine.snapshot.epoch === 0 && !engine.lazy;
  const pace = new Pace(timing);
  reading: for await (const piece of bundle.pieces()) {
    for (let at = 0; at < piece.length; at += SLICE) {
      candidate.feed(piece.subarray(at, at + SLICE));
      await pace.spent(SLICE);
      signal.throwIfAborted();
      if (engine.lazy && candidate.complete) break reading;
      if (early && candidate.ready && !candidate.complete) return begin(engine, candidate, bundle.whole, timing);
    }
  }
  if (!candidate.complete) throw new UpdateError("truncated", "the bundle has ended before its tree was complete");
  engine.commit(candidate, timing.now());
}

/** Lets a tree serve that still lacks objects: a request that asks for one finds it in the bundle, and the rest is taken out of it meanwhile. */
function begin(engine: Engine, candidate: Candidate, bundle: Uint8Array, timing: Timing): void {
  const parts = new BundleParts(bundle, candidate.treeBytes);
  // If the first one lies where it should, the bundle is as long as it should be.
  for (const first of candidate.needs(1)) candidate.supply(first, parts.object(first));
  engine.commit(candidate, timing.now(), parts);
  void engine.fill(timing).catch(() => {}); // what goes wrong is reported there
}

/** The source has not what its head names. */
export const behind = () => new SourceError("behind", "the head names another tree than the source delivers: it is behind, or being written to");

/** Throws what no other way of delivery can make good. */
export function surmountable(error: unknown, signal: AbortSignal): void {
  signal.throwIfAborted();
  if (error instanceof TrapError || (error instanceof UpdateError && error.code === "superseded")) throw error;
}
