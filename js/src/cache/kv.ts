import { CacheError, OptionError } from "../errors.js";
import type { EdgeCache } from "./cache.js";

/** The part of a KV binding that is used. */
export interface KvNamespace {
  get(key: string, type: "stream"): Promise<ReadableStream | null>;
  put(key: string, value: ArrayBufferView): Promise<void>;
}

/** What Workers KV takes for a value at most. */
const MAX_VALUE = 25 * 1024 * 1024;

/**
 * Keeps what serves in Workers KV. Another location may read what was written up to a minute before, and take it for the newest until it has
 * looked at its source. A value has at most 25 MiB, about a million plain keys: a larger snapshot is not kept, which `onError` hears.
 *
 * @param namespace such as `env.KV`
 * @returns for the option `cache`
 */
export function kvCache(namespace: KvNamespace): EdgeCache {
  if (typeof namespace?.get !== "function" || typeof namespace.put !== "function") throw new OptionError("kvCache: a KV binding is needed; it is a property of `env`");
  return {
    shared: true, // by all isolates
    get: async (name) => (await namespace.get(name, "stream")) ?? undefined,
    put: async (name, bytes) => {
      if (bytes.length > MAX_VALUE) throw new CacheError("too_large", `put ${name}: ${bytes.length} bytes; Workers KV takes ${MAX_VALUE} at the most`);
      await namespace.put(name, bytes);
    },
  };
}
