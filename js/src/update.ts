import { type Engine, Offer, type Offered, type Pace } from "./engine.js";
import { SourceError, UpdateError } from "./errors.js";
import { LIMIT } from "./generated/codes.js";
import type { Found, Source } from "./sources/source.js";

/**
 * One look at the source: shows the core a head, then fetches what it asks for, each piece only after the one before it is
 * proven. The core decides; a refusal throws and leaves what serves untouched. The returned function does one look and tells
 * whether anything changed.
 */
export function updater(engine: Engine, source: Source, pace: Pace, report: (error: Error) => void): (signal: AbortSignal) => Promise<boolean> {
  let bundleTag: string | undefined;

  return async function update(signal) {
    if (engine.trapped !== undefined) {
      await engine.restore(pace).catch((error: Error) => {
        if (engine.trapped !== undefined) throw error;
        report(error); // what was in memory serves no more; the source may have better
      });
    }
    engine.forget();
    if (engine.damaged || engine.snapshot.epoch === 0) bundleTag = undefined;
    return source.head === undefined ? lookAtBundle(signal) : lookAtHead(await source.head({ signal }), signal);
  };

  /** A head is asked for without its tag: it is small, and a server's tag may be the same for two of them. */
  async function lookAtHead(found: Found | undefined, signal: AbortSignal): Promise<boolean> {
    const head = sound(found, signal);
    if (head === undefined) return false;
    const { offer, bundleBytes } = await shown(head.bytes, signal);
    if (offer !== Offer.treeNeeded && !engine.damaged) return offer === Offer.renewed;
    const bundle = sound(await source.bundle({ signal, maxBytes: bundleBytes }), signal);
    if (bundle === undefined) throw behind();
    fits(bundle.bytes, bundleBytes);
    const own = await shown(bundle.bytes, signal).catch((error: Error) => error);
    if (own instanceof Error) return vouched(bundle.bytes, head.bytes, own);
    if (own.offer !== Offer.treeNeeded && !engine.damaged) throw behind();
    await engine.replace(bundle.bytes, pace, head.bytes);
    return true;
  }

  /** The bundle's own head is refused, with `why`; but it may be an older one of the tree that the offered head names. */
  async function vouched(bundle: Uint8Array, head: Uint8Array, why: Error): Promise<boolean> {
    if (!(why instanceof UpdateError)) throw why;
    await engine.replace(bundle, pace, head, true).catch((error: Error) => {
      throw error instanceof UpdateError && error.code === "wrong_digest" ? why : error;
    });
    return true;
  }

  async function lookAtBundle(signal: AbortSignal): Promise<boolean> {
    const bundle = sound(await source.bundle({ etag: bundleTag, signal }), signal);
    if (bundle === undefined) return false;
    const { offer, bundleBytes } = await shown(bundle.bytes, signal);
    const needed = offer === Offer.treeNeeded || engine.damaged;
    if (needed) {
      fits(bundle.bytes, bundleBytes);
      await engine.replace(bundle.bytes, pace);
    }
    bundleTag = bundle.etag;
    return needed || offer === Offer.renewed;
  }

  /** Shows a head, or a bundle's beginning, and fetches the roots that it needs: one after another, each proven before the next. */
  async function shown(bytes: Uint8Array, signal: AbortSignal): Promise<Offered> {
    for (let roots = 0; roots <= LIMIT.rootChain; roots++) {
      const offered = engine.offer(bytes, pace.now());
      if (offered.offer !== Offer.rootNeeded) return offered;
      const root = roots < LIMIT.rootChain ? await source.root?.(engine.nextRoot(), { signal }) : undefined;
      signal.throwIfAborted();
      if (root === undefined) break;
      engine.follow(root);
    }
    throw new UpdateError("root_needed", "the head needs a later root, which the source does not have");
  }
}

/** Before anything is copied. */
function fits({ length }: Uint8Array, bundleBytes: number): void {
  if (length > bundleBytes) throw new UpdateError("too_large", `the bundle has ${length} bytes, the head vouches for ${bundleBytes} at the most`);
}

const behind = () => new SourceError("behind", "the head names another tree than the bundle holds: the source is behind, or being written to");

/** A source written by hand must not look like a core that stopped. */
function sound(found: Found | undefined, signal: AbortSignal): Found | undefined {
  signal.throwIfAborted();
  if (found === undefined || found?.bytes instanceof Uint8Array) return found;
  throw new SourceError("source", "a source must resolve to { bytes: Uint8Array } or undefined");
}
