/** The body of a reply, within a limit. */
import { SourceError } from "../errors.js";

/** All bytes of a reply. One that is too large is refused as soon as that is known. */
export async function readLimited(reply: Response, limit: number, what: string): Promise<Uint8Array> {
  const tooLarge = () => new SourceError("too_large", `${what}: the reply is larger than ${limit} bytes`);
  const announced = Number(reply.headers.get("content-length") ?? Number.NaN);
  if (announced > limit) {
    await reply.body?.cancel();
    throw tooLarge();
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = reply.body?.getReader();
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > limit) {
      await reader.cancel();
      throw tooLarge();
    }
    chunks.push(value);
  }
  if (chunks.length === 1) return chunks[0] as Uint8Array;
  const all = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
