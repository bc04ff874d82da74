/** What sources take for a bundle at most unless they are told otherwise: 40 million plain keys. */
export const MAX_BUNDLE_BYTES = 1 << 30;

/** What a source is asked for an object with. */
export interface SourceRequest {
  /** The {@link SourceReply.etag} of the last reply of the same method that was taken over; `undefined` for none. */
  readonly etag?: string | undefined;
  /** Bytes of the object at most. A longer one is refused unread: the head that was proven vouches for no more. */
  readonly maxBytes?: number | undefined;
  /** Aborts when the refresh is given up. */
  readonly signal: AbortSignal;
}

/** What a source found. */
export interface SourceReply {
  /** The object. The core proves it; a source need not. */
  readonly bytes: Uint8Array;
  /** Any text that changes with the object, handed back as {@link SourceRequest.etag} next time. */
  readonly etag?: string | undefined;
}

/**
 * Where published objects come from. A source only fetches: it decides nothing, keeps no state of its own, and rejects
 * when it cannot answer; `onError` hears of that. An object of your own with these methods will do:
 *
 * ```ts
 * const source: Source = { bundle: async () => ({ bytes: new Uint8Array(await env.BUCKET.get("bundle").arrayBuffer()) }) };
 * ```
 */
export interface Source {
  /** The current head; `undefined` for "as before". Without this method every refresh asks for the bundle. */
  head?(request: SourceRequest): Promise<SourceReply | undefined>;
  /** Head and whole tree in one; `undefined` for "as before". */
  bundle(request: SourceRequest): Promise<SourceReply | undefined>;
  /** Version `n` of the root, from 2 on, asked for only when trust has rotated; `undefined` for "there is none". */
  root?(n: number, request: SourceRequest): Promise<Uint8Array | undefined>;
}
