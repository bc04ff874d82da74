/** What sources take for a bundle at most unless they are told otherwise: 40 million plain keys. */
export const MAX_BUNDLE_BYTES = 1 << 30;

/** What a source is asked for an object with. */
export interface SourceRequest {
  /** The {@link SourceReply.etag} of the last reply of the same method that was taken over; `undefined` for none. */
  readonly etag?: string | undefined;
  /** Bytes of the object at most. A longer one is refused unread: the head that was proven vouches for no more. */
  readonly maxBytes?: number | undefined;
  /** Of a bundle: its beginning will do, as for a lazy edge. What comes as a stream is read that far; its whole length is no reason to refuse it. */
  readonly beginning?: boolean | undefined;
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

/** A head that a source tells of by itself. */
export interface PushedHead extends SourceReply {
  /** What leads to its tree from the one before, if that came along: an edge that has this one need not ask for it. */
  readonly patch?: Uint8Array | undefined;
}

/** What a source is watched with. */
export interface WatchRequest {
  /** The epoch that the edge has, of which it need not be told; `undefined` for none. */
  readonly epoch?: number | undefined;
  /** Aborts when nobody watches any more. */
  readonly signal: AbortSignal;
  /** Takes each head as it comes, the current one first unless it is that of {@link epoch}. */
  readonly onHead: (head: PushedHead) => void;
  /** Hears, every 15 seconds or more often, that there was nothing newer. After 37.5 seconds of silence nobody listens any more. */
  readonly onIdle: () => void;
  /** Hears how many milliseconds the source wants to be left alone after the end: the longest time, from which a random part is taken. */
  readonly onRetry: (ms: number) => void;
}

/** A bundle on its way: what has come is taken over piece by piece, so that it is never in memory twice. */
export interface SourceStream {
  /** The pieces, cut anywhere. Nobody reads on when it is longer than it may be, or refused. */
  readonly stream: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;
  /** As of a {@link SourceReply}. */
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
  /** Head and whole tree in one, as a whole or on its way; `undefined` for "as before". */
  bundle(request: SourceRequest): Promise<SourceReply | SourceStream | undefined>;
  /** Version `n` of the root, from 2 on, asked for only when trust has rotated; `undefined` for "there is none". */
  root?(n: number, request: SourceRequest): Promise<Uint8Array | undefined>;
  /**
   * What leads from one tree to another, as a publisher puts it to `patch/<to>/<from>`; `undefined` for "there is none". With patches, a
   * change costs what changed; without, or where this rejects, an update goes the ways that are left.
   */
  patch?(from: string, to: string, request: SourceRequest): Promise<Uint8Array | undefined>;
  /** One object of a tree, as a publisher puts it to `objects/<digest>`; `undefined` for "there is none". */
  object?(digest: string, request: SourceRequest): Promise<Uint8Array | undefined>;
  /**
   * Tells of new heads as they come. Resolves when the source has ended that, as servers do that are restarted; rejects when it broke,
   * with the code `no_stream` where there is nothing to watch. What it hands over is worth what {@link head} finds: it is proven.
   */
  watch?(request: WatchRequest): Promise<void>;
}
