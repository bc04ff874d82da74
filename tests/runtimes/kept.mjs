// What every runtime with a disk must do alike with what an edge has kept. Each runner hands in the package as it was packed.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { equal } from "./suite.mjs";

/** @returns `[name, run][]` */
export function keptSuite({ createVerifier, staticSource, cacheApi, fileCache, fixture }) {
  const { keys, snapshots, start } = fixture;
  const source = staticSource(Uint8Array.from(atob(snapshots.first.bundle), (character) => character.charCodeAt(0)));
  const down = { bundle: () => Promise.reject(new Error("down")) };

  async function startedTwice(cache, written) {
    const options = { root: fixture.roots[0], cache, refresh: { stream: false }, now: () => (start + 10) * 1000 };
    const first = await createVerifier({ ...options, source });
    first.close();
    for (let tries = 0; tries < 500 && !(await written()); tries++) await new Promise((turn) => setTimeout(turn, 10));
    const errors = [];
    const second = await createVerifier({ ...options, source: down, onError: (error) => errors.push(error.name) });
    second.close();
    const found = [second.epoch, second.verifyKey(keys.plain).code, second.verifyKey(keys.revoked).code, errors.filter((name) => name === "CacheError")];
    equal(found, [7, "valid", "revoked", []]);
  }

  const tests = {
    async "kept in files: a process begins without its source"() {
      const directory = mkdtempSync(join(tmpdir(), "edgelatch-kept-"));
      try {
        await startedTwice(fileCache(directory), async () => readdirSync(directory).includes("edgelatch-acme-tree"));
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    },
    async "kept in the Cache API, where there is one"() {
      if (globalThis.caches === undefined) return;
      const name = `edgelatch-${crypto.randomUUID()}`;
      const cache = cacheApi({ name });
      try {
        await startedTwice(cache, async () => (await cache.get("edgelatch-acme-tree")) !== undefined);
      } finally {
        await globalThis.caches.delete(name);
      }
    },
  };
  return Object.entries(tests);
}
