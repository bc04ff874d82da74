import { open } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SourceError } from "../errors.js";
import type { Found, Source, SourceState } from "./source.js";

/** Options of {@link fileSource} and {@link directorySource}. */
export interface FileSourceOptions {
  /** A larger file is refused unread. Default 1 GiB. */
  readonly maxBytes?: number;
}

/** One bundle file, read again when it changes. For Node, Deno and Bun. */
export function fileSource(path: string | URL, { maxBytes = 1 << 30 }: FileSourceOptions = {}): Source {
  const file = toPath(path);
  return { bundle: (state) => read(file, maxBytes, state) };
}

/** A published realm in a directory: `head`, `bundle`, `root/<n>`. For Node, Deno and Bun. */
export function directorySource(path: string | URL, { maxBytes = 1 << 30 }: FileSourceOptions = {}): Source {
  const directory = toPath(path);
  return {
    head: (state) => read(join(directory, "head"), maxBytes, state),
    bundle: (state) => read(join(directory, "bundle"), Math.min(maxBytes, state.maxBytes ?? maxBytes), state),
    root: async (n, { signal }) => {
      try {
        return (await read(join(directory, "root", String(n)), maxBytes, { signal }))?.bytes;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
  };
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
