import { OptionError, SourceError } from "../errors.js";
import { LIMIT } from "../generated/codes.js";
import { own } from "../util/own.js";
import { MAX_BUNDLE_BYTES, type Source, type SourceRequest } from "./source.js";

/** The part of an R2 binding that is used. */
export interface R2Bucket {
  get(key: string, options?: { readonly onlyIf?: { readonly etagDoesNotMatch?: string } }): Promise<R2Object | R2Body | null>;
}

/** What is known of an object that was not asked for any more. */
export interface R2Object {
  readonly etag: string;
  readonly size: number;
}

/** The same with its bytes. */
export interface R2Body extends R2Object {
  readonly body: ReadableStream;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/**
 * A published realm in an R2 bucket, as a publisher writes it: `head`, `bundle`, `root/<n>`, `patch/<to>/<from>`, `objects/<digest>`.
 *
 * ```ts
 * const verifier = await createVerifier({ root: env.ROOT, source: r2Source(env.BUCKET, "r/acme") });
 * ```
 *
 * @param bucket such as `env.BUCKET`
 * @param prefix the folder of the realm; left out: the bucket itself
 * @returns for the option `source`
 */
export function r2Source(bucket: R2Bucket, prefix = ""): Source {
  if (typeof bucket?.get !== "function") throw new OptionError("r2Source: an R2 binding is needed; it is a property of `env`");
  const folder = prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`;

  async function find(name: string, request: SourceRequest, limit: number): Promise<R2Body | "same" | undefined> {
    const etag = own(request, "etag");
    const found = await bucket.get(folder + name, etag === undefined ? {} : { onlyIf: { etagDoesNotMatch: etag } });
    request.signal.throwIfAborted();
    if (found === null) return undefined;
    if (!("body" in found)) return "same";
    // Of what is read only as far as it is needed, whoever reads counts.
    const most = own(request, "beginning") === true ? Number.POSITIVE_INFINITY : Math.min(limit, own(request, "maxBytes") ?? limit);
    if (found.size <= most) return found;
    await found.body.cancel();
    throw new SourceError("too_large", `R2 ${folder}${name}: ${found.size} bytes are more than the limit of ${most}`);
  }

  /** An object that must be there and may be as before. */
  async function current<T>(name: string, request: SourceRequest, limit: number, read: (found: R2Body) => T | Promise<T>): Promise<T | undefined> {
    const found = await find(name, request, limit);
    if (found === undefined) throw new SourceError("source", `R2: there is no ${folder}${name}`);
    return found === "same" ? undefined : read(found);
  }

  /** An object that never changes and may not be there. */
  async function fixed(name: string, request: SourceRequest, limit: number): Promise<Uint8Array | undefined> {
    const found = await find(name, request, limit);
    return found === undefined || found === "same" ? undefined : new Uint8Array(await found.arrayBuffer());
  }

  return {
    head: (request) => current("head", request, LIMIT.rootBytes, async (found) => ({ bytes: new Uint8Array(await found.arrayBuffer()), etag: found.etag })),
    bundle: (request) => current("bundle", request, MAX_BUNDLE_BYTES, ({ body, etag }) => ({ stream: body, etag })),
    root: (n, request) => fixed(`root/${n}`, request, LIMIT.rootBytes),
    patch: (from, to, request) => fixed(`patch/${to}/${from}`, request, LIMIT.patchBytes),
    object: (digest, request) => fixed(`objects/${digest}`, request, MAX_BUNDLE_BYTES),
  };
}
