import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { toPath } from "../sources/file.js";
import type { EdgeCache } from "./cache.js";

/** What is written beside a file until it takes its place. */
const UNFINISHED = ".unfinished";
/** Milliseconds after which an unfinished file is one that a process left behind. */
const ABANDONED = 3_600_000;

/**
 * Keeps what serves in files of a directory, so that an edge begins without its source. For Node, Deno and Bun. A file is replaced as a
 * whole: a process that dies while it writes leaves the one before. Give each process a directory of its own: of several that write into one
 * the last counts, though it may be behind.
 *
 * @param path of the directory, or its `file:` URL; made if it is not there, for its owner alone
 * @returns for the option `cache`
 */
export function fileCache(path: string | URL): EdgeCache {
  const directory = toPath(path);
  return {
    async get(name) {
      try {
        return await readFile(join(directory, name));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
    async put(name, bytes) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await tidy(directory, name);
      const unfinished = join(directory, `${name}.${randomUUID()}${UNFINISHED}`);
      try {
        await write(unfinished, bytes);
        await rename(unfinished, join(directory, name));
      } catch (error) {
        await rm(unfinished, { force: true });
        throw error;
      }
      await sync(directory);
    },
  };
}

async function write(file: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, "wx", 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The new name of the file is safe with this. Where directories cannot be opened (Windows), it is as safe as it gets. */
async function sync(directory: string): Promise<void> {
  try {
    const handle = await open(directory, "r");
    await handle.sync().finally(() => handle.close());
  } catch (error) {
    if (!["EISDIR", "EPERM", "EINVAL", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

/** Removes what processes left behind that died while they wrote. */
async function tidy(directory: string, name: string): Promise<void> {
  for (const file of await readdir(directory)) {
    if (!file.startsWith(`${name}.`) || !file.endsWith(UNFINISHED)) continue;
    const path = join(directory, file);
    const age = await stat(path).then(({ mtimeMs }) => Date.now() - mtimeMs, () => 0);
    if (age > ABANDONED) await rm(path, { force: true });
  }
}
