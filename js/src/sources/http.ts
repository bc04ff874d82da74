import { OptionError, SourceError } from "../errors.js";
import { LIMIT } from "../generated/codes.js";
import { isSealed, reasonOf, redirectOf } from "../util/fetching.js";
import { bound, type Options, optionsOf, UNCHECKED } from "../util/options.js";
import { argument, own, plain } from "../util/own.js";
import { detachedFetch } from "./detached.js";
import { piecesOf, readLimited } from "./reply.js";
import { MAX_BUNDLE_BYTES, type Source, type SourceReply, type SourceRequest, type SourceStream, type WatchRequest } from "./source.js";
import { readStream, streamHeaders } from "./stream.js";

/** Options of {@link httpSource}. An unknown option is a `TypeError`, and so is a bound that is `undefined`. */
export interface HttpSourceOptions {
  /**
   * A key of the management realm with the role `edge`, for `edgelatch serve --require-read-key`: sent as `Authorization: Bearer` with every
   * request, also for the stream; never to another origin, and in no error. `undefined` is refused rather than taken for none.
   */
  readonly key?: string;
  /** Sent with every request, for instance what a proxy wants; never to another origin. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** A bundle of more bytes is refused while it is read. From 1; default 1 GiB. */
  readonly maxBytes?: number;
  /**
   * Used instead of the global `fetch`. It must heed `redirect: "manual"`, or redirects are followed anywhere. It opens the stream too,
   * which then keeps a process alive until {@link Verifier.close}; without it, a stream keeps none.
   */
  readonly fetch?: typeof fetch | undefined;
}

const OPTIONS: Options<HttpSourceOptions> = { key: "a text", headers: UNCHECKED, maxBytes: "a whole number", fetch: UNCHECKED };
/** One question to the source. */
interface Asked {
  /** For errors. */
  readonly what: string;
  readonly url: URL;
  /** Headers beside those of the options. */
  readonly more: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly ask: (url: URL, request: RequestInit) => Promise<Response>;
}

/** Redirects followed for one object: a renamed path and an added slash take two; a loop ends here. */
const MAX_REDIRECTS = 5;

/**
 * A published realm over HTTP: `<base>/head`, `<base>/bundle`, `<base>/root/<n>`, with `ETag` and `If-None-Match`;
 * `<base>/patch/<to>/<from>`, `<base>/objects/<digest>`, and new heads as they come from `<base>/stream`, where there are such.
 * Redirects are followed within the origin of `base` only: what is sent is for that origin.
 *
 * ```ts
 * httpSource("https://keys.example.com/r/acme", { key: process.env.EDGELATCH_READ_KEY ?? "" })
 * ```
 *
 * @param base a query is kept for each request; credentials in it are a `TypeError`
 * @param _options key, headers, `fetch`
 * @returns a source that rejects with a {@link SourceError}: `http_status`, `unreachable`, `redirect`, `too_large`, `no_stream`, and `source` for a web page in place of a file
 */
export function httpSource(base: string | URL, _options?: HttpSourceOptions): Source {
  if (!URL.canParse(base)) throw new OptionError("source: the address is no absolute URL, such as https://keys.example.com/r/acme");
  const root = new URL(base);
  if (root.protocol !== "https:" && root.protocol !== "http:") {
    throw new OptionError(`source: ${root.protocol} is not http: or https:`);
  }
  // It would appear in the errors of `fetch`.
  if (root.username !== "" || root.password !== "") throw new OptionError("source: give credentials as `headers`, not in the URL");
  if (!root.pathname.endsWith("/")) root.pathname += "/";
  const options = optionsOf("httpSource", argument(arguments, 1) as HttpSourceOptions, OPTIONS);
  const headers = headersOf(options.headers ?? {}, options.key);
  if (options.key !== undefined && !isSealed(root)) throw new OptionError("source: with a key, https: is needed, except on the loopback");
  const maxBytes = bound("maxBytes", options.maxBytes, MAX_BUNDLE_BYTES);
  const ask: Asked["ask"] = options.fetch ?? ((...args) => fetch(...args));

  /** What `read` makes of a reply that holds an object, or one of the two statuses that are an answer without one. */
  function get<T extends object>(path: string, request: SourceRequest, read: Reading<T>): Promise<T | 304 | 404> {
    const [what, etag] = [`GET ${path}`, own(request, "etag")];
    const more: Record<string, string> = etag === undefined ? {} : { "if-none-match": etag };
    return exchange({ what, url: new URL(path + root.search, root), more, signal: request.signal, ask }, async (reply, told) => {
      if (reply.status === 200 && !isPage(reply)) return read(reply, what, told);
      await reply.body?.cancel();
      if (reply.status === 200) throw new SourceError("source", `${what} brought a web page (text/html) in place of a published file: see that the address is that of a realm, and that what is not there is answered with 404`);
      if ((reply.status === 304 && etag !== undefined) || reply.status === 404) return reply.status;
      throw answered(path, reply.status);
    });
  }

  /** The address goes without its query, which may hold what is not for logs. */
  function answered(path: string, status: number): SourceError {
    const url = new URL(path, root.origin + root.pathname).href;
    return new SourceError("http_status", `GET ${path} answered ${status} (${url})`, { url, status });
  }

  function watch(request: WatchRequest): Promise<void> {
    const asked = { what: "GET stream", url: new URL(`stream${root.search}`, root), more: streamHeaders(request), signal: request.signal, ask: options.fetch ?? detachedFetch };
    return exchange(asked, (reply) => readStream(reply, request));
  }

  /** Asks, and reads the reply. What goes wrong is told without what is not for logs. */
  async function exchange<T>(asked: Asked, read: (reply: Response, told: Told) => Promise<T>): Promise<T> {
    const secrets = [...Object.values(headers), options.key ?? ""];
    const told: Told = (error) => {
      if (error instanceof SourceError) return error;
      return asked.signal.aborted ? asked.signal.reason : new SourceError("unreachable", `${asked.what}: ${reasonOf(error, secrets)}`, { url: asked.url.origin + asked.url.pathname });
    };
    try {
      return await read(await follow(asked, secrets), told);
    } catch (error) {
      throw told(error);
    }
  }

  /** The reply at the end of the redirects, all of which are asked alike. The addresses join the secrets. */
  async function follow({ what, url: first, more, signal, ask: askOne }: Asked, secrets: string[]): Promise<Response> {
    const request: RequestInit = { headers: { ...headers, ...more }, signal, redirect: "manual" };
    let url = first;
    for (let followed = 0; ; followed++) {
      secrets.push(url.href, url.search);
      const reply = await askOne(url, request);
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
  async function current<T extends object>(path: string, request: SourceRequest, read: Reading<T>): Promise<T | undefined> {
    const found = await get(path, request, read);
    if (found === 404) throw answered(path, 404);
    return found === 304 ? undefined : found;
  }

  /** An object that never changes and may not be there. */
  async function fixed(path: string, limit: number, { signal }: SourceRequest): Promise<Uint8Array | undefined> {
    const found = await get(path, { signal }, whole(limit));
    return typeof found === "number" ? undefined : found.bytes;
  }

  const limitOf = (request: SourceRequest) => Math.min(maxBytes, own(request, "maxBytes") ?? maxBytes);

  return {
    head: (request) => current("head", request, whole(LIMIT.rootBytes)),
    bundle: (request) => current("bundle", request, streamed(limitOf(request), own(request, "beginning") === true)),
    root: (n, request) => fixed(`root/${n}`, LIMIT.rootBytes, request),
    patch: (from, to, request) => fixed(`patch/${to}/${from}`, limitOf(request), request),
    object: (digest, request) => fixed(`objects/${digest}`, limitOf(request), request),
    watch,
  };
}

/** An error, as it may be told. */
type Told = (error: unknown) => unknown;
/** What becomes of a reply that holds an object. `what` was asked for; `told` is for errors after the reading has begun. */
type Reading<T> = (reply: Response, what: string, told: Told) => Promise<T>;

/** What hosts of web sites answer, also with 200, where a path leads nowhere or asks for a login. Published files are of no such type. */
const isPage = (reply: Response) => /^text\/html\b/i.test(reply.headers.get("content-type")?.trim() ?? "");

const etagOf = (reply: Response) => reply.headers.get("etag") ?? undefined;

function whole(limit: number): Reading<SourceReply> {
  return async (reply, what) => ({ bytes: await readLimited(reply, limit, what), etag: etagOf(reply) });
}

function streamed(limit: number, beginning: boolean): Reading<SourceStream> {
  return async (reply, what, told) => {
    async function* stream() {
      try {
        yield* piecesOf(reply, limit, what, beginning);
      } catch (error) {
        throw told(error);
      }
    }
    return { stream: stream(), etag: etagOf(reply) };
  };
}

/** The headers and what carries the key, none of which `fetch` could refuse with an error that repeats it. */
function headersOf(given: object, key: string | undefined): Record<string, string> {
  const headers = plain(given) as Record<string, string> | undefined;
  if (headers === undefined) throw new OptionError("headers: a plain object of texts is needed");
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== "string") throw new OptionError(`headers: the value of ${name} is no text`);
  }
  try {
    new Headers(headers);
  } catch {
    throw new OptionError("headers: a name or a value cannot be sent as a header");
  }
  if (key === undefined) return { ...headers };
  if (typeof key !== "string" || !/^[!-~]{1,512}$/.test(key)) throw new OptionError("key: the text of a management key is needed, without spaces");
  if (Object.keys(headers).some((name) => name.toLowerCase() === "authorization")) throw new OptionError("key: give it, or an authorization header, not both");
  return { ...headers, authorization: `Bearer ${key}` };
}
