import { type Engine, Offer, type Pace } from "./engine.js";
import { SourceError, UpdateError } from "./errors.js";
import type { Found, Source } from "./sources/source.js";

/** More rotations than an edge misses; the core has the same limit. */
const MAX_ROOTS = 64;

/**
 * One look at the source: fetches what the core asks for and shows it everything. The core decides; a refusal throws and
 * leaves what serves untouched. The returned function does one look and tells whether anything changed.
 */
export function updater(engine: Engine, source: Source, pace: Pace): (signal: AbortSignal) => Promise<boolean> {
  let headTag: string | undefined;
  let bundleTag: string | undefined;

  return async function update(signal) {
    if (engine.trapped !== undefined) {
      const [head, bundle] = [headTag, bundleTag];
      headTag = bundleTag = undefined;
      await engine.restore(pace).catch((error: unknown) => {
        if (engine.trapped !== undefined) throw error;
        // What was in memory serves no more; the source may have better.
      });
      if (engine.snapshot.epoch > 0) [headTag, bundleTag] = [head, bundle];
    }

    if (engine.damaged) headTag = bundleTag = undefined;

    const head = source.head && sound(await source.head({ etag: headTag, signal }));
    signal.throwIfAborted();
    if (source.head && head === undefined) return false;

    let roots: Uint8Array[] = [];
    if (head !== undefined) {
      const offer = engine.offerHead(head.bytes, pace.now());
      if (offer === Offer.unchanged || offer === Offer.renewed) {
        headTag = head.etag;
        if (!engine.damaged) return offer === Offer.renewed;
      }
      if (offer === Offer.rootNeeded) {
        roots = await newerRoots(signal);
        // Nothing vouches for such a head yet, so it must not cost a whole bundle.
        if (roots.length === 0) throw new UpdateError("root_needed", "the head names a later root, which the source does not have");
      }
    }

    const bundle = sound(await source.bundle({ etag: bundleTag, signal }));
    signal.throwIfAborted();
    if (bundle === undefined) return false;
    try {
      await engine.replace(roots, bundle.bytes, pace);
    } catch (error) {
      if (!(error instanceof UpdateError && error.code === "root_needed" && roots.length === 0)) throw error;
      roots = await newerRoots(signal);
      if (roots.length === 0) throw error;
      await engine.replace(roots, bundle.bytes, pace);
    }
    bundleTag = bundle.etag;
    if (head !== undefined && taken(head.bytes)) headTag = head.etag;
    return true;
  };

  /** A bundle may lie a little behind its head, or before it; only a head that the core has taken need not be fetched again. */
  function taken(head: Uint8Array): boolean {
    try {
      return engine.offerHead(head, pace.now()) <= Offer.renewed;
    } catch (error) {
      if (error instanceof UpdateError) return false;
      throw error;
    }
  }

  async function newerRoots(signal: AbortSignal): Promise<Uint8Array[]> {
    const roots: Uint8Array[] = [];
    for (let n = engine.rootVersion() + 1; roots.length < MAX_ROOTS; n++) {
      const root = await source.root?.(n, { signal });
      signal.throwIfAborted();
      if (root === undefined) break;
      roots.push(root);
    }
    return roots;
  }
}

/** A source written by hand must not look like a core that stopped. */
function sound(found: Found | undefined): Found | undefined {
  if (found === undefined || found?.bytes instanceof Uint8Array) return found;
  throw new SourceError("source", "a source must resolve to { bytes: Uint8Array } or undefined");
}
