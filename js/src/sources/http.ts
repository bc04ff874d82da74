import { SourceError } from "../errors.js";
import type { Found, Source, SourceState } from "./source.js";

/** Options of {@link httpSource}. */
export interface HttpSourceOptions {
  /** Sent with every request, for instance a token for the publisher's endpoint. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Replies above this many bytes are refused while they are read. Default 1 GiB. */
  readonly maxBytes?: number;
  /** Used instead of the global `fetch`. */
  readonly fetch?: typeof fetch;
}

/** No head or root comes near this, so a wrong URL cannot make an edge read a gigabyte to learn it. */
const MAX_SMALL_OBJECT = 1 << 14;

/** Polls a published realm (`<base>/head`, `<base>/bundle`, `<base>/root/<n>`) with `ETag` and `If-None-Match`. */
export function httpSource(base: string | URL, options: HttpSourceOptions = {}): Source {
  const root = new URL(base);
  if (root.protocol !== "https:" && root.protocol !== "http:") {
    throw new TypeError(`source: ${root.protocol} is not http: or https:`);
  }
  // It would appear in the errors of `fetch`.
  if (root.username !== "" || root.password !== "") throw new TypeError("source: give credentials as `headers`, not in the URL");
  if (!root.pathname.endsWith("/")) root.pathname += "/";
  const { headers = {}, maxBytes = 1 << 30, fetch: ask = (...args) => fetch(...args) } = options;

  async function get(path: string, limit: number, { etag, signal }: SourceState): Promise<Found | 304 | 404> {
    const url = new URL(path + root.search, root);
    const request: Record<string, string> = { ...headers };
    if (etag !== undefined) request["if-none-match"] = etag;
    const reply = await ask(url, { headers: request, signal, redirect: "follow" });
    if (reply.status === 200) {
      return { bytes: await readLimited(reply, limit, `GET ${path}`), etag: reply.headers.get("etag") ?? undefined };
    }
    await reply.body?.cancel();
    if ((reply.status === 304 && etag !== undefined) || reply.status === 404) return reply.status;
    throw new SourceError("http_status", `GET ${path} answered ${reply.status}`);
  }

  async function current(path: string, limit: number, state: SourceState): Promise<Found | undefined> {
    const found = await get(path, limit, state);
    if (found === 404) throw new SourceError("http_status", `GET ${path} answered 404`);
    return found === 304 ? undefined : found;
  }

  return {
    head: (state) => current("head", MAX_SMALL_OBJECT, state),
    bundle: (state) => current("bundle", Math.min(maxBytes, state.maxBytes ?? maxBytes), state),
    root: async (n, { signal }) => {
      const found = await get(`root/${n}`, MAX_SMALL_OBJECT, { signal });
      return typeof found === "number" ? undefined : found.bytes;
    },
  };
}

async function readLimited(reply: Response, limit: number, what: string): Promise<Uint8Array> {
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
