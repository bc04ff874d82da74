/** One refresh: what is fetched from the source, and in which order. What it is worth is the core's to say. */
import { SourceError, UpdateError } from "../errors.js";
import { LIMIT } from "../generated/codes.js";
import type { PushedHead, Source, SourceReply, SourceStream } from "../sources/source.js";
import { Arriving } from "./arriving.js";
import type { Candidate } from "./candidate.js";
import { behind, fetchDifference, fetchObjects, OBJECTS_SHARE, surmountable, takeBundle } from "./delivery.js";
import type { Engine, Offered } from "./engine.js";
import { Offer } from "./exports.js";
import type { Timing } from "./pace.js";
import { BundleParts } from "./parts.js";

/** Refreshes once. With a head that was pushed, it is that one instead of the source's current one that is shown to the core. */
export type Update = (signal: AbortSignal, pushed?: PushedHead) => Promise<boolean>;

/**
 * Makes the function that refreshes once: it shows the core a head, then fetches what the core asks for, each piece only after
 * the one before it is proven, and resolves to whether anything changed. A refusal throws, and what serves goes on.
 *
 * @param report hears of a failure that does not end the refresh
 */
export function updater(engine: Engine, source: Source, timing: Timing, report: (error: Error) => void): Update {
  /** Of the bundle that was taken over last, where the source has no heads to compare. */
  let bundleTag: string | undefined;
  /** Counts refreshes: one that was given up may end when the next one has begun. */
  let last = 0;

  return async function update(signal, pushed) {
    const own = ++last;
    await restored();
    try {
      engine.abort();
      await engine.fill(timing);
      if (engine.lacking !== undefined || engine.snapshot.epoch === 0) bundleTag = undefined;
      if (pushed !== undefined) return await byHead(pushed, signal, pushed.patch);
      return await (source.head === undefined ? byBundle(signal) : byHead(await source.head({ signal }), signal));
    } catch (error) {
      await restored(); // the core may have stopped at what was brought; what served before goes on
      if (own === last) engine.abort(); // what was put together takes memory, and keeps the tree that it was based on
      throw error;
    }
  };

  async function restored(): Promise<void> {
    if (engine.trapped === undefined) return;
    await engine.restore(timing).catch((error: Error) => {
      if (engine.trapped !== undefined) throw error;
      report(error); // what was in memory serves no more; the source may have better
    });
  }

  /** A head is asked for without its tag: it is small, and a server's tag may be the same for two of them. */
  async function byHead(found: SourceReply | undefined, signal: AbortSignal, patch?: Uint8Array): Promise<boolean> {
    const head = checked(found, signal);
    if (head === undefined) return false;
    const { offer, bundleBytes } = await offered(head.bytes, signal);
    if (offer !== Offer.treeNeeded) return (await mended(bundleBytes, signal)) || offer === Offer.renewed;
    const running = engine.snapshot.epoch > 0;
    if (running && (await byDifference(bundleBytes, signal, OBJECTS_SHARE, patch))) return true;
    const whole = await wholeBundle(head.bytes, bundleBytes, signal).catch((error) => {
      if (!running || !(error instanceof SourceError && error.code === "behind")) throw error;
      return false;
    });
    // Until the bundle has come after, objects are worth any number of bytes.
    if (!whole && !(await follow(head.bytes, signal, running ? 0 : OBJECTS_SHARE)) && running) throw behind();
    return true;
  }

  async function byDifference(bundleBytes: number, signal: AbortSignal, share: number, patch?: Uint8Array): Promise<boolean> {
    const candidate = await fetchDifference(engine, source, timing, bundleBytes, signal, share, patch);
    if (candidate !== undefined) engine.commit(candidate, timing.now());
    return candidate !== undefined;
  }

  /**
   * The bundle held another tree than the head names. A publisher shows the head first, so that tree is often the one before, from
   * which it is a small step; if that cannot be made now, the next refresh will try. Resolves to whether what serves is as new as the head.
   */
  async function follow(head: Uint8Array, signal: AbortSignal, share: number): Promise<boolean> {
    try {
      await engine.fill(timing);
      const { offer, bundleBytes } = await offered(head, signal);
      return offer !== Offer.treeNeeded || (await byDifference(bundleBytes, signal, share));
    } catch (error) {
      surmountable(error, signal);
      return error instanceof UpdateError && error.code === "rollback"; // the bundle was ahead of the head
    }
  }

  /** Takes the bundle. Returns whether it held the tree that the head names, and not another one that is acceptable too. */
  async function wholeBundle(head: Uint8Array, bundleBytes: number, signal: AbortSignal): Promise<boolean> {
    const reply = checkedBundle(await source.bundle({ signal, maxBytes: bundleBytes, beginning: engine.lazy }), signal);
    if (reply === undefined) throw behind();
    const bundle = await Arriving.of(reply, bundleBytes);
    try {
      const { candidate, wanted, refused } = await candidateFor(bundle.beginning, head, signal);
      await takeBundle(engine, candidate, bundle, timing, signal).catch((error: Error) => {
        throw refused !== undefined && error instanceof UpdateError && error.code === "wrong_digest" ? refused : error;
      });
      return candidate.to === wanted;
    } finally {
      await bundle.end();
    }
  }

  /**
   * A bundle is taken under its own head if that names another tree than the one that was offered, and is acceptable. Else its own head does not
   * matter, and is told only if the bundle turns out not to hold the tree that is wanted: it may be an older head of that tree.
   */
  async function candidateFor(beginning: Uint8Array, head: Uint8Array, signal: AbortSignal): Promise<{ candidate: Candidate; wanted: string; refused?: Error }> {
    const asked = engine.begin(timing.now());
    const wanted = asked.to;
    let own: Offered;
    try {
      own = await offered(beginning, signal);
    } catch (error) {
      surmountable(error, signal);
      if (!(error instanceof UpdateError)) throw error;
      return { candidate: asked, wanted, refused: error };
    }
    if (own.offer !== Offer.treeNeeded) throw behind();
    const other = engine.begin(timing.now());
    if (other.to !== wanted) return { candidate: other, wanted };
    engine.offer(head, timing.now());
    return { candidate: engine.begin(timing.now()), wanted };
  }

  async function byBundle(signal: AbortSignal): Promise<boolean> {
    const reply = checkedBundle(await source.bundle({ etag: bundleTag, signal, beginning: engine.lazy }), signal);
    if (reply === undefined) return false;
    const bundle = await Arriving.of(reply, Number.POSITIVE_INFINITY);
    try {
      const { offer, bundleBytes } = await offered(bundle.beginning, signal);
      bundle.maxBytes = bundleBytes;
      const needed = offer === Offer.treeNeeded;
      if (needed) await takeBundle(engine, engine.begin(timing.now()), bundle, timing, signal);
      const changed = needed || (await mendedBy(bundle)) || offer === Offer.renewed;
      bundleTag = reply.etag;
      return changed;
    } finally {
      await bundle.end();
    }
  }

  /** Brings the tree that serves what it lacks, where that was not what was signed. Resolves to whether there was anything to mend. */
  async function mended(bundleBytes: number, signal: AbortSignal): Promise<boolean> {
    if (engine.lacking === undefined) return false;
    await fetchObjects(engine.tree, source, signal, OBJECTS_SHARE).catch((error) => surmountable(error, signal));
    if (engine.mended()) return true;
    const reply = checkedBundle(await source.bundle({ signal, maxBytes: bundleBytes }), signal);
    if (reply === undefined) throw behind();
    const bundle = await Arriving.of(reply, bundleBytes);
    try {
      return await mendedBy(bundle);
    } finally {
      await bundle.end();
    }
  }

  async function mendedBy(bundle: Arriving): Promise<boolean> {
    if (engine.lacking === undefined) return false;
    await engine.fill(timing, new BundleParts(await bundle.all(), engine.tree.treeBytes));
    if (!engine.mended()) throw engine.lacking;
    return true;
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

/** A fault of a source that users wrote is named as one, or the core would seem to have failed on it. */
function checked(reply: SourceReply | undefined, signal: AbortSignal): SourceReply | undefined {
  signal.throwIfAborted();
  if (reply === undefined || reply?.bytes instanceof Uint8Array) return reply;
  throw new SourceError("source", "a source must resolve to { bytes: Uint8Array } or undefined");
}

/** The same for a bundle, which may be on its way. */
function checkedBundle(reply: SourceReply | SourceStream | undefined, signal: AbortSignal): SourceReply | SourceStream | undefined {
  const stream = (reply as Partial<SourceStream> | null | undefined)?.stream;
  if (typeof stream !== "object" || stream === null) return checked(reply as SourceReply | undefined, signal);
  signal.throwIfAborted();
  if ("getReader" in stream || Symbol.asyncIterator in stream) return reply;
  throw new SourceError("source", "the stream of a source must be a ReadableStream, or what `for await` takes");
}
