import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SourceError } from "../errors.js";
import { LIMIT } from "../generated/codes.js";
import { bound, type Options, optionsOf } from "../util/options.js";
import { argument, own } from "../util/own.js";
import { MAX_BUNDLE_BYTES, type Source, type SourceReply, type SourceRequest, type SourceStream } from "./source.js";

/** Options of {@link fileSource} and {@link directorySource}. */
export interface FileSourceOptions {
  /** A bundle of more bytes is refused unread. From 1; default 1 GiB. */
  readonly maxBytes?: number;
}

const OPTIONS: Options<FileSourceOptions> = { maxBytes: "a whole number" };

/**
 * One bundle file, read again when it changes. For Node, Deno and Bun.
 *
 * @param path of the file, or its `file:` URL
 * @param _options how much is read at the most
 * @returns for the option `source`
 */
export function fileSource(path: string | URL, _options?: FileSourceOptions): Source {
  const [file, maxBytes] = [toPath(path), limitOf("fileSource", argument(arguments, 1))];
  return { bundle: (request) => read(file, maxBytes, request) };
}

/**
 * A published realm in a directory, as a publisher writes it: `head`, `bundle`, `root/<n>`, `patch/<to>/<from>`,
 * `objects/<digest>`. For Node, Deno and Bun.
 *
 * ```ts
 * const verifier = await createVerifier({ root, source: directorySource("/var/lib/edgelatch/r/acme") });
 * ```
 *
 * @param path of the directory, or its `file:` URL
 * @param _options how much is read at the most
 * @returns for the option `source`
 */
export function directorySource(path: string | URL, _options?: FileSourceOptions): Source {
  const [directory, maxBytes] = [toPath(path), limitOf("directorySource", argument(arguments, 1))];
  return {
    head: (request) => read(join(directory, "head"), LIMIT.rootBytes, request),
    bundle: (request) => (own(request, "beginning") === true ? piecewise : read)(join(directory, "bundle"), Math.min(maxBytes, own(request, "maxBytes") ?? maxBytes), request),
    root: (n, { signal }) => readIfThere(join(directory, "root", String(n)), LIMIT.rootBytes, signal),
    patch: (from, to, request) => readIfThere(join(directory, "patch", to, from), own(request, "maxBytes") ?? maxBytes, request.signal),
    object: (digest, request) => readIfThere(join(directory, "objects", digest), own(request, "maxBytes") ?? maxBytes, request.signal),
  };
}

function limitOf(what: string, options: unknown): number {
  return bound("maxBytes", optionsOf(what, options as FileSourceOptions, OPTIONS).maxBytes, MAX_BUNDLE_BYTES);
}

export const toPath = (path: string | URL) => (path instanceof URL ? fileURLToPath(path) : path);

async function read(file: string, limit: number, request: SourceRequest): Promise<SourceReply | undefined> {
  // One handle for both, so that a rename in between cannot pair one file's tag with another's bytes.
  const handle = await open(file, "r");
  try {
    const { size, mtimeMs, ino } = await handle.stat();
    const tag = `${ino}-${size}-${mtimeMs}`;
    if (tag === own(request, "etag")) return undefined;
    if (size > limit) throw new SourceError("too_large", `${file}: ${size} bytes are more than the limit of ${limit}`);
    return { bytes: await handle.readFile({ signal: request.signal }), etag: tag };
  } finally {
    await handle.close();
  }
}

/** A file as it is read on, without a limit: whoever reads counts. */
async function piecewise(file: string, _limit: number, { signal }: SourceRequest): Promise<SourceStream> {
  return { stream: createReadStream(file, { signal }) };
}

async function readIfThere(file: string, limit: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
  try {
    return (await read(file, limit, { signal }))?.bytes;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
