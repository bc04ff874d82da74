import { LIMIT } from "../generated/codes.js";

/** What a source is told at each call. */
export interface SourceState {
  /** The `etag` of the last reply of the same method whose content was taken over. */
  readonly etag?: string | undefined;
  /** A longer object is refused unread: the head that was proven vouches for no more. */
  readonly maxBytes?: number | undefined;
  /** Aborts when the refresh is given up. */
  readonly signal: AbortSignal;
}

/** Bytes of a head or root: no more than that is read of whatever a wrong address may answer. */
export const MAX_SMALL_OBJECT = LIMIT.rootBytes;

/** What a source found. */
export interface Found {
  /** The object. The core proves it; a source need not. */
  readonly bytes: Uint8Array;
  /** Handed back in {@link SourceState.etag} next time. */
  readonly etag?: string | undefined;
}

/**
 * Where published objects come from. A source only fetches: it decides nothing, keeps no state of its own, and throws
 * when it cannot answer. `undefined` means "as before" (or, for a root, "there is none").
 */
export interface Source {
  /** The current head. Without this method every refresh looks at the bundle. */
  head?(state: SourceState): Promise<Found | undefined>;
  /** Head and whole tree in one. */
  bundle(state: SourceState): Promise<Found | undefined>;
  /** Version `n` of the root, needed only when trust has rotated. */
  root?(n: number, state: SourceState): Promise<Uint8Array | undefined>;
}
