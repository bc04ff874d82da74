import { SourceError } from "../errors.js";
import { LIMIT } from "../generated/codes.js";
import { reasonOf, redirectOf } from "../util/fetching.js";
import { bound, type Options, optionsOf, UNCHECKED } from "../util/options.js";
import { argument, own, plain } from "../util/own.js";
import { MAX_BUNDLE_BYTES, type Source, type SourceReply, type SourceRequest } from "./source.js";

/** Options of {@link httpSource}. An unknown option is a `TypeError`, and so is a bound that is `undefined`. */
export interface HttpSourceOptions {
  /** Sent with every request, for instance a token for the publisher's endpoint; never to another origin. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** A bundle of more bytes is refused while it is read. From 1; default 1 GiB. */
  readonly maxBytes?: number;
  /** Used instead of the global `fetch`. It must heed `redirect: "manual"`, or redirects are followed anywhere. */
  readonly fetch?: typeof fetch | undefined;
}

const OPTIONS: Options<HttpSourceOptions> = { headers: UNCHECKED, maxBytes: "a whole number", fetch: UNCHECKED };
/** Redirects followed for one object: a renamed path and an added slash take two; a loop ends here. */
const MAX_REDIRECTS = 5;

/**
 * A published realm over HTTP: `<base>/head`, `<base>/bundle`, `<base>/root/<n>`, with `ETag` and `If-None-Match`. Redirects are
 * followed within the origin of `base` only: what is sent is for that origin.
 *
 * ```ts
 * httpSource("https://keys.example.com/r/acme", { headers: { authorization: `Bearer ${token}` } })
 * ```
 *
 * @param base a query is kept for each request; credentials in it are a `TypeError`
 * @returns a source that rejects with a {@link SourceError}: `http_status`, `unreachable`, `redirect`, `too_large`
 */
export function httpSource(base: string | URL, _options?: HttpSourceOptions): Source {
  const root = new URL(base);
  if (root.protocol !== "https:" && root.protocol !== "http:") {
    throw new TypeError(`source: ${root.protocol} is not http: or https:`);
  }
  // It would appear in the errors of `fetch`.
  if (root.username !== "" || root.password !== "") throw new TypeError("source: give credentials as `headers`, not in the URL");
  if (!root.pathname.endsWith("/")) root.pathname += "/";
  const options = optionsOf("httpSource", argument(arguments, 1) as HttpSourceOptions, OPTIONS);
  const headers = headersOf(options.headers ?? {});
  const maxBytes = bound("maxBytes", options.maxBytes, MAX_BUNDLE_BYTES);
  const ask = options.fetch ?? ((...args) => fetch(...args));

  /** An object, or one of the two statuses that are an answer without one. */
  async function get(path: string, limit: number, request: SourceRequest): Promise<SourceReply | 304 | 404> {
    const [what, etag, { signal }] = [`GET ${path}`, own(request, "etag"), request];
    const secrets = Object.values(headers);
    try {
      const reply = await follow(what, secrets, new URL(path + root.search, root), {
        headers: etag === undefined ? headers : { ...headers, "if-none-match": etag },
        signal,
        redirect: "manual",
      });
      if (reply.status === 200) return { bytes: await readLimited(reply, limit, what), etag: reply.headers.get("etag") ?? undefined };
      await reply.body?.cancel();
      if ((reply.status === 304 && etag !== undefined) || reply.status === 404) return reply.status;
      throw new SourceError("http_status", `${what} answered ${reply.status}`);
    } catch (error) {
      if (error instanceof SourceError) throw error;
      if (signal.aborted) throw signal.reason;
      throw new SourceError("unreachable", `${what}: ${reasonOf(error, secrets)}`);
    }
  }

  /** The reply at the end of the redirects, all of which are asked alike. The addresses join the secrets. */
  async function follow(what: string, secrets: string[], first: URL, request: RequestInit): Promise<Response> {
    let url = first;
    for (let followed = 0; ; followed++) {
      secrets.push(url.href, url.search);
      const reply = await ask(url, request);
      const redirect = redirectOf(reply, url);
      if (redirect === undefined) return reply;
      await reply.body?.cancel();
      const { target, place } = redirect;
      // Compared in parts: the origin of a `blob:` URL is that of another one.
      const within = target?.protocol === root.protocol && target.host === root.host && target.username === "" && target.password === "";
      if (!within) throw new SourceError("redirect", `${what} is redirected to ${place}; only addresses of ${root.origin} are followed. If it lies elsewhere now, give that address`);
      if (followed === MAX_REDIRECTS) throw new SourceError("redirect", `${what} is redirected more than ${MAX_REDIRECTS} times`);
      url = target;
    }
  }

  /** An object that must be there and may be as before. */
  async function current(path: string, limit: number, request: SourceRequest): Promise<SourceReply | undefined> {
    const found = await get(path, limit, request);
    if (found === 404) throw new SourceError("http_status", `GET ${path} answered 404`);
    return found === 304 ? undefined : found;
  }

  /** An object that never changes and may not be there. */
  async function fixed(path: string, limit: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const found = await get(path, limit, { signal });
    return typeof found === "number" ? undefined : found.bytes;
  }

  return {
    head: (request) => current("head", LIMIT.rootBytes, request),
    bundle: (request) => current("bundle", Math.min(maxBytes, own(request, "maxBytes") ?? maxBytes), request),
    root: (n, { signal }) => fixed(`root/${n}`, LIMIT.rootBytes, signal),
  };
}

/** The headers, none of which `fetch` could refuse with an error that repeats it. */
function headersOf(given: object): Record<string, string> {
  const headers = plain(given) as Record<string, string> | undefined;
  if (headers === undefined) throw new TypeError("headers: a plain object of texts is needed");
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== "string") throw new TypeError(`headers: the value of ${name} is no text`);
  }
  try {
    new Headers(headers);
  } catch {
    throw new TypeError("headers: a name or a value cannot be sent as a header");
  }
  return { ...headers };
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
