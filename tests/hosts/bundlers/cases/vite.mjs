// Vite: its builds, and its development server as a browser asks it.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build, createServer } from "vite";
import { node } from "../place.mjs";
import { esm } from "../program.mjs";

const files = { "main.js": esm(), "index.html": '<script type="module" src="/main.js"></script>' };
const quiet = (place) => ({ root: place.source, configFile: false, logLevel: "silent" });
const names = { entryFileNames: "main.mjs" };

/** What a module imports, as Vite writes it: an address on its server. */
const IMPORTED = /(?:\bfrom|\bimport)\s*"(\/[^"]+)"/g;

/** Fetches a module and what it imports, and lays them down so that Node finds them. @returns the file */
async function fetched(origin, path, directory, found = new Map()) {
  if (found.has(path)) return found.get(path);
  const file = join(directory, `${path.replace(/[^\w.]/g, "_")}.mjs`);
  found.set(path, file);
  const reply = await fetch(new URL(path, origin));
  if (!/javascript/.test(reply.headers.get("content-type") ?? "")) throw new Error(`${path}: ${reply.status} ${reply.headers.get("content-type")}`);
  let text = await reply.text();
  for (const [, to] of text.matchAll(IMPORTED)) text = text.replaceAll(`"${to}"`, JSON.stringify(await fetched(origin, to, directory, found)));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

export const VITE = [
  {
    tool: "vite", how: "`vite build`, for browsers", files,
    async run(place) {
      await build({ ...quiet(place), build: { outDir: place.out, modulePreload: { polyfill: false }, rollupOptions: { output: names } } });
      return node(join(place.moved(), "main.mjs"));
    },
  },
  {
    tool: "vite", how: "SSR with `noExternal`, as SvelteKit builds what is a development dependency", files,
    async run(place) {
      await build({ ...quiet(place), ssr: { noExternal: true }, build: { ssr: place.at("main.js"), outDir: place.out, rollupOptions: { output: names } } });
      return node(join(place.moved(), "main.mjs"));
    },
  },
  {
    tool: "vite", how: "development server, in the browser", files,
    async run(place) {
      const server = await createServer({ ...quiet(place), optimizeDeps: { include: ["edgelatch"] }, server: { host: "127.0.0.1", port: 0, hmr: false, watch: null } });
      try {
        await server.listen();
        return await node(await fetched(server.resolvedUrls.local[0], "/main.js", join(place.source, "../fetched")));
      } finally {
        await server.close();
      }
    },
  },
];
