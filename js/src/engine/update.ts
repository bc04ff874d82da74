/** One refresh: what is fetched from the source, and in which order. What it is worth is the core's to say. */
import { SourceError, UpdateError } from "../errors.js";
import { LIMIT } from "../generated/codes.js";
import type { Source, SourceReply } from "../sources/source.js";
import type { Engine, Offered } from "./engine.js";
import { Offer } from "./exports.js";
import type { Timing } from "./loading.js";

/** Refreshes once. With a head that was pushed, it is that one instead of the source's current one that is shown to the core. */
export type Update = (signal: AbortSignal, pushed?: SourceReply) => Promise<boolean>;

/**
 * Makes the function that refreshes once: it shows the core a head, then fetches what the core asks for, each piece only after
 * the one before it is proven, and resolves to whether anything changed. A refusal throws, and what serves goes on.
 *
 * @param report hears of a failure that does not end the refresh
 */
export function updater(engine: Engine, source: Source, timing: Timing, report: (error: Error) => void): Update {
  /** Of the bundle that was taken over last, where the source has no heads to compare. */
  let bundleTag: string | undefined;

  return async function update(signal, pushed) {
    if (engine.trapped !== undefined) {
      await engine.restore(timing).catch((error: Error) => {
        if (engine.trapped !== undefined) throw error;
        report(error); // what was in memory serves no more; the source may have better
      });
    }
    engine.abort();
    if (engine.damaged || engine.snapshot.epoch === 0) bundleTag = undefined;
    if (pushed !== undefined) return byHead(pushed, signal);
    return source.head === undefined ? byBundle(signal) : byHead(await source.head({ signal }), signal);
  };

  /** A head is asked for without its tag: it is small, and a server's tag may be the same for two of them. */
  async function byHead(found: SourceReply | undefined, signal: AbortSignal): Promise<boolean> {
    const head = checked(found, signal);
    if (head === undefined) return false;
    const { offer, bundleBytes } = await offered(head.bytes, signal);
    if (offer !== Offer.treeNeeded && !engine.damaged) return offer === Offer.renewed;
    const bundle = checked(await source.bundle({ signal, maxBytes: bundleBytes }), signal);
    if (bundle === undefined) throw behind();
    fits(bundle.bytes, bundleBytes);
    const own = await offered(bundle.bytes, signal).catch((error: Error) => error);
    if (own instanceof Error) return byHeadAlone(bundle.bytes, head.bytes, own);
    if (own.offer !== Offer.treeNeeded && !engine.damaged) throw behind();
    await engine.replace(bundle.bytes, timing, head.bytes);
    return true;
  }

  /** The bundle's own head is refused, with `why`; but it may be an older one of the tree that the offered head names. */
  async function byHeadAlone(bundle: Uint8Array, head: Uint8Array, why: Error): Promise<boolean> {
    if (!(why instanceof UpdateError)) throw why;
    await engine.replace(bundle, timing, head, true).catch((error: Error) => {
      throw error instanceof UpdateError && error.code === "wrong_digest" ? why : error;
    });
    return true;
  }

  async function byBundle(signal: AbortSignal): Promise<boolean> {
    const bundle = checked(await source.bundle({ etag: bundleTag, signal }), signal);
    if (bundle === undefined) return false;
    const { offer, bundleBytes } = await offered(bundle.bytes, signal);
    const needed = offer === Offer.treeNeeded || engine.damaged;
    if (needed) {
      fits(bundle.bytes, bundleBytes);
      await engine.replace(bundle.bytes, timing);
    }
    bundleTag = bundle.etag;
    return needed || offer === Offer.renewed;
  }

  /** The core's answer to a head, or a bundle's beginning, after the roots it needed were fetched: each proven before the next. */
  async function offered(bytes: Uint8Array, signal: AbortSignal): Promise<Offered> {
    for (let roots = 0; roots <= LIMIT.rootChain; roots++) {
      const answer = engine.offer(bytes, timing.now());
      if (answer.offer !== Offer.rootNeeded) return answer;
      const root = roots < LIMIT.rootChain ? await source.root?.(engine.nextRoot(), { signal }) : undefined;
      signal.throwIfAborted();
      if (root === undefined) break;
      engine.stageRoot(root);
    }
    throw new UpdateError("root_needed", "the head needs a later root, which the source does not have");
  }
}

/** Before anything is copied. */
function fits({ length }: Uint8Array, bundleBytes: number): void {
  if (length > bundleBytes) throw new UpdateError("too_large", `the bundle has ${length} bytes, the head vouches for ${bundleBytes} at the most`);
}

const behind = () => new SourceError("behind", "the head names another tree than the bundle holds: the source is behind, or being written to");

/** A fault of a source that users wrote is named as one, or the core would seem to have failed on it. */
function checked(reply: SourceReply | undefined, signal: AbortSignal): SourceReply | undefined {
  signal.throwIfAborted();
  if (reply === undefined || reply?.bytes instanceof Uint8Array) return reply;
  throw new SourceError("source", "a source must resolve to { bytes: Uint8Array } or undefined");
}
