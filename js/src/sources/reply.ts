/** The body of a reply, within a limit. */
import { SourceError } from "../errors.js";

/**
 * The pieces of a reply as they come. One that is too large is refused as soon as that is known; whoever stops reading ends the
 * transfer.
 *
 * @param beginning whether its beginning will do: then only what is read is counted
 */
export async function* piecesOf(reply: Response, limit: number, what: string, beginning = false): AsyncGenerator<Uint8Array, void, void> {
  const tooLarge = () => new SourceError("too_large", `${what}: the reply is larger than ${limit} bytes`);
  // Of a compressed reply, the length that it has on the way.
  const announced = Number((reply.headers.has("content-encoding") ? null : reply.headers.get("content-length")) ?? Number.NaN);
  if (announced > limit && !beginning) {
    await reply.body?.cancel();
    throw tooLarge();
  }
  const reader = reply.body?.getReader();
  try {
    for (let size = 0; reader !== undefined; ) {
      const { done, value } = await reader.read();
      if (done) return;
      size += value.length;
      if (size > limit) throw tooLarge();
      yield value;
    }
  } finally {
    await reader?.cancel().catch(() => {}); // nothing happens at the end of the body
  }
}

/** All bytes of a reply. */
export async function readLimited(reply: Response, limit: number, what: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of piecesOf(reply, limit, what)) pieces.push(piece);
  return joined(pieces);
}

/** The pieces as one, without a copy if there is but one. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0] as Uint8Array;
  const all = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
