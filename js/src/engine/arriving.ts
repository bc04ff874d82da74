/** A bundle as it comes from a source: whole, or in pieces. */
import { SourceError } from "../errors.js";
import type { SourceReply, SourceStream } from "../sources/source.js";
import { joined } from "../sources/reply.js";
import { fits } from "./candidate.js";
import { BEGINNING } from "./engine.js";

type Next = () => Promise<Uint8Array | undefined>;

export class Arriving {
  /** All of it, if it is in memory. */
  readonly whole: Uint8Array | undefined;
  /** Enough to judge it by its head, or all of it. */
  readonly beginning: Uint8Array;
  /** Bytes at most. More are refused as soon as they come. */
  maxBytes: number;
  readonly #next: Next;
  readonly #end: () => Promise<unknown>;
  #came = 0;

  private constructor(whole: Uint8Array | undefined, beginning: Uint8Array, maxBytes: number, next: Next, end: () => Promise<unknown>) {
    this.whole = whole;
    this.beginning = beginning;
    this.maxBytes = maxBytes;
    this.#next = next;
    this.#end = end;
  }

  /** Resolves when the beginning has come. */
  static async of(reply: SourceReply | SourceStream, maxBytes: number): Promise<Arriving> {
    if ("bytes" in reply) {
      fits("bundle", reply.bytes, maxBytes);
      return new Arriving(reply.bytes, reply.bytes.subarray(0, BEGINNING), maxBytes, async () => undefined, async () => {});
    }
    const { next, end } = reader(reply.stream);
    const pieces: Uint8Array[] = [];
    for (let size = 0; size < BEGINNING; ) {
      const piece = await next();
      if (piece === undefined) break;
      pieces.push(piece.slice()); // a source may write the next one over it
      size += piece.length;
    }
    return new Arriving(undefined, joined(pieces), maxBytes, next, end);
  }

  /** The pieces from the beginning on. To be gone through once. */
  async *pieces(): AsyncGenerator<Uint8Array, void, void> {
    for (let piece = this.whole ?? this.beginning; ; ) {
      this.#came += piece.length;
      if (this.#came > this.maxBytes) throw new SourceError("too_large", `the bundle has more than the ${this.maxBytes} bytes that the head vouches for at the most`);
      yield piece;
      const next = await this.#next();
      if (next === undefined) return;
      piece = next;
    }
  }

  /** The rest, as a whole. */
  async all(): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for await (const piece of this.pieces()) pieces.push(piece.slice());
    return joined(pieces);
  }

  /** Tells the source that nobody reads on. */
  async end(): Promise<void> {
    await this.#end().catch(() => {}); // it may have come to its end, or have failed
  }
}

function reader(stream: SourceStream["stream"]): { next: Next; end: () => Promise<unknown> } {
  // Not every runtime can iterate over a ReadableStream.
  if ("getReader" in stream) {
    const from = stream.getReader();
    return { next: async () => piece(await from.read()), end: () => from.cancel() };
  }
  const from = stream[Symbol.asyncIterator]();
  return { next: async () => piece(await from.next()), end: async () => from.return?.() };
}

function piece({ done, value }: { done?: boolean | undefined; value?: unknown }): Uint8Array | undefined {
  if (done) return undefined;
  if (value instanceof Uint8Array) return value;
  throw new SourceError("source", "the stream of a source must consist of Uint8Array");
}
