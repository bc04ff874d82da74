/** Bytes that came in pieces and are read in place. They are never joined, so that a large value lies in memory once. */
import { CacheError } from "../errors.js";
import { joined } from "../sources/reply.js";

export class Pieces {
  readonly length: number;
  readonly #pieces: readonly Uint8Array[];
  /** Where each piece begins. */
  readonly #starts: readonly number[];

  constructor(pieces: readonly Uint8Array[]) {
    let length = 0;
    this.#pieces = pieces;
    this.#starts = pieces.map((piece) => (length += piece.length) - piece.length);
    this.length = length;
  }

  /**
   * What a store returned.
   *
   * @param wanted how much of it, as far as its beginning says
   */
  static async of(value: Uint8Array | ReadableStream<Uint8Array>, maxBytes: number, wanted: (begun: Pieces) => number): Promise<Pieces> {
    if (value instanceof Uint8Array) return new Pieces([value]);
    if (typeof value?.getReader !== "function") throw new CacheError("content", "a cache must resolve to a Uint8Array, a ReadableStream or undefined");
    const reader = value.getReader();
    const pieces: Uint8Array[] = [];
    for (let size = 0, end = wanted(new Pieces([])); size < end; ) {
      const { done, value: piece } = await reader.read();
      if (done) return new Pieces(pieces);
      size += piece.length;
      pieces.push(piece);
      if (end !== Number.POSITIVE_INFINITY) end = wanted(new Pieces(pieces));
      if (size > maxBytes) break;
    }
    reader.cancel().catch(() => {});
    const read = new Pieces(pieces);
    if (read.length > maxBytes) throw new CacheError("content", `more than ${maxBytes} bytes`);
    return read;
  }

  /** A stretch of them, copied only if it lies in several pieces; `undefined` beyond the end. */
  read(at: number, length: number): Uint8Array | undefined {
    if (at + length > this.length) return undefined;
    const parts: Uint8Array[] = [];
    for (let index = this.#pieceAt(at), left = length; left > 0; index++) {
      const from = at + length - left - (this.#starts[index] as number);
      const part = (this.#pieces[index] as Uint8Array).subarray(from, from + left);
      parts.push(part);
      left -= part.length;
    }
    return joined(parts);
  }

  #pieceAt(at: number): number {
    let [low, high] = [0, this.#starts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] as number) <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
