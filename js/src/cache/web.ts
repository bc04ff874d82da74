import { CacheError } from "../errors.js";
import { type Options, optionsOf, UNCHECKED } from "../util/options.js";
import { argument } from "../util/own.js";
import type { EdgeCache } from "./cache.js";

/** The part of a `Cache` that is used. */
export interface WebCache {
  match(url: string): Promise<Response | undefined>;
  put(url: string, response: Response): Promise<void>;
}

/** Options of {@link cacheApi}. */
export interface CacheApiOptions {
  /** Name of the cache to open. Default: `caches.default` where there is one (Workers), else one named `edgelatch`. */
  readonly name?: string | undefined;
  /** The cache itself, where the program has opened one. */
  readonly cache?: WebCache | undefined;
}

const OPTIONS: Options<CacheApiOptions> = { name: UNCHECKED, cache: UNCHECKED };
/** A host that no request from outside can name (RFC 2606): what is kept is served to nobody. */
const BASE = "https://edgelatch.invalid/";
/** Seconds for which it is kept at most: as long as a head can be served past its end. */
const MAX_AGE = 30 * 86_400;

interface Caches {
  readonly default?: WebCache;
  open(name: string): Promise<WebCache>;
}

/**
 * Keeps what serves in the Cache API of Workers, Deno and browsers. On Workers that is a cache of each data centre, which may drop what it
 * holds at any time, and has no effect on `*.workers.dev`; where an edge must begin without its source, prefer `kvCache`.
 *
 * @param _options which
 * @returns for the option `cache`
 */
export function cacheApi(_options?: CacheApiOptions): EdgeCache {
  const { name, cache } = optionsOf("cacheApi", argument(arguments, 0) as CacheApiOptions, OPTIONS);
  const opened = async (): Promise<WebCache> => {
    const all = (globalThis as { caches?: Caches }).caches;
    if (cache !== undefined) return cache;
    if (all === undefined) throw new CacheError("unreachable", "this runtime has no Cache API");
    return name === undefined && all.default !== undefined ? all.default : all.open(name ?? "edgelatch");
  };
  return {
    shared: true, // by the isolates of a data centre, or the tabs of a browser
    async get(key) {
      const reply = await (await opened()).match(BASE + key);
      return reply?.body ?? undefined;
    },
    async put(key, bytes) {
      const headers = { "content-type": "application/octet-stream", "content-length": String(bytes.length), "cache-control": `public, max-age=${MAX_AGE}` };
      await (await opened()).put(BASE + key, new Response(bytes as Uint8Array<ArrayBuffer>, { headers }));
    },
  };
}
