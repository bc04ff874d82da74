import { open } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SourceError } from "../errors.js";
import { bound, type Options, optionsOf } from "../options.js";
import { argument, own } from "../own.js";
import { type Found, MAX_SMALL_OBJECT, type Source, type SourceState } from "./source.js";

/** Options of {@link fileSource} and {@link directorySource}. */
export interface FileSourceOptions {
  /** A larger file is refused unread. Default 1 GiB. */
  readonly maxBytes?: number;
}

const OPTIONS: Options<FileSourceOptions> = { maxBytes: "a whole number" };

/** One bundle file, read again when it changes. For Node, Deno and Bun. */
export function fileSource(path: string | URL, _options?: FileSourceOptions): Source {
  const [file, maxBytes] = [toPath(path), limitOf("fileSource", argument(arguments, 1))];
  return { bundle: (state) => read(file, maxBytes, state) };
}

/** A published realm in a directory: `head`, `bundle`, `root/<n>`. For Node, Deno and Bun. */
export function directorySource(path: string | URL, _options?: FileSourceOptions): Source {
  const [directory, maxBytes] = [toPath(path), limitOf("directorySource", argument(arguments, 1))];
  return {
    head: (state) => read(join(directory, "head"), MAX_SMALL_OBJECT, state),
    bundle: (state) => read(join(directory, "bundle"), Math.min(maxBytes, own(state, "maxBytes") ?? maxBytes), state),
    root: async (n, { signal }) => {
      try {
        return (await read(join(directory, "root", String(n)), MAX_SMALL_OBJECT, { etag: undefined, signal }))?.bytes;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
  };
}

function limitOf(what: string, options: unknown): number {
  return bound("maxBytes", optionsOf(what, options as FileSourceOptions, OPTIONS).maxBytes, 1 << 30);
}

const toPath = (path: string | URL) => (path instanceof URL ? fileURLToPath(path) : path);

async function read(file: string, limit: number, { etag, signal }: SourceState): Promise<Found | undefined> {
  // One handle for both, so that a rename in between cannot pair one file's tag with another's bytes.
  const handle = await open(file, "r");
  try {
    const { size, mtimeMs, ino } = await handle.stat();
    const tag = `${ino}-${size}-${mtimeMs}`;
    if (tag === etag) return undefined;
    if (size > limit) throw new SourceError("too_large", `${file}: ${size} bytes are more than the limit of ${limit}`);
    return { bytes: await handle.readFile({ signal }), etag: tag };
  } finally {
    await handle.close();
  }
}
