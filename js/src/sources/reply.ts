/** The body of a reply, within a limit. */
import { SourceError } from "../errors.js";

/** Bytes that are read at once into the same buffer. */
const SCRATCH = 1 << 16;

/** What is read of a body next. */
interface Reader {
  readonly read: () => Promise<{ done: boolean; value?: Uint8Array | undefined }>;
  readonly cancel: () => Promise<void>;
}

/**
 * Reads a body into the same buffer again and again, where the host can do that: else what was read lies beside what was taken over until the
 * host collects garbage, and a large snapshot takes twice its memory.
 */
function reusing(body: ReadableStream<Uint8Array>): Reader {
  let reader: ReadableStreamBYOBReader;
  try {
    reader = body.getReader({ mode: "byob" });
  } catch {
    return body.getReader(); // it is no stream of bytes
  }
  let buffer = new ArrayBuffer(SCRATCH);
  const read = async () => {
    const { done, value } = await reader.read(new Uint8Array(buffer));
    if (value !== undefined) buffer = value.buffer;
    return { done, value };
  };
  return { read, cancel: () => reader.cancel() };
}

/**
 * The pieces of a reply as they come, each good until the next one is asked for. One that is too large is refused as soon as that is known;
 * whoever stops reading ends the transfer.
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
  // Of what is read like that nothing is asked for behind its end, which must be known: some hosts never answer who waits there with a buffer.
  // A browser does not show whether another origin's reply was compressed.
  const large = announced > SCRATCH && reply.type !== "cors";
  const reader: Reader | undefined = large && reply.body ? reusing(reply.body) : reply.body?.getReader();
  try {
    for (let size = 0; reader !== undefined && !(large && size >= announced); ) {
      const { done, value } = await reader.read();
      if (done || value === undefined) return;
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
  for await (const piece of piecesOf(reply, limit, what)) pieces.push(piece.slice());
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
