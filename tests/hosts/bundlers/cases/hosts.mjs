// Hosts that refuse to compile bytes: the core comes compiled, by the condition that names the host.
import { EdgeRuntime } from "edge-runtime";
import { build } from "esbuild";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { run, tool } from "../place.mjs";
import { handler, listener, worker } from "../program.mjs";

const { Miniflare } = createRequire(new URL("../../../../js/package.json", import.meta.url))("miniflare");

/** `.wasm?module` as Vercel's build makes it: a global variable, which the host fills in. */
const asGlobal = {
  name: "wasm-module",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\.wasm\?module$/ }, ({ path, resolveDir }) => ({ path: join(resolveDir, path.replace(/\?module$/, "")), namespace: "wasm-module" }));
    onLoad({ filter: /./, namespace: "wasm-module" }, () => ({ contents: "export default globalThis.wasm_core;" }));
  },
};

/** The answer of a Worker whose modules lie in a directory. */
async function answered(directory, main) {
  const paths = readdirSync(directory, { recursive: true }).filter((name) => /\.(m?js|wasm)(\?module)?$/.test(name));
  const ordered = [main, ...paths.filter((path) => path !== main)];
  const modules = ordered.map((path) => ({ type: path.includes(".wasm") ? "CompiledWasm" : "ESModule", path: join(directory, path), contents: readFileSync(join(directory, path)) }));
  const host = new Miniflare({ modules, modulesRoot: directory, compatibilityDate: "2025-09-01", compatibilityFlags: ["nodejs_compat"], cf: false });
  try {
    return await (await host.dispatchFetch("http://edge.example/")).text();
  } finally {
    await host.dispose();
  }
}

const WRANGLER = 'name = "edge"\nmain = "main.js"\ncompatibility_date = "2025-09-01"\n';

export const HOSTS = [
  {
    tool: "edge-runtime", how: "condition `edge-light`, `.wasm?module` as Vercel builds it", files: { "main.js": listener },
    async run(place) {
      await build({ entryPoints: [place.at("main.js")], bundle: true, outfile: join(place.out, "main.js"), conditions: ["edge-light"], plugins: [asGlobal], logLevel: "error" });
      const core = await WebAssembly.compile(readFileSync(place.at("node_modules/edgelatch/wasm/edgelatch.wasm")));
      const code = readFileSync(join(place.moved(), "main.js"), "utf8");
      const runtime = new EdgeRuntime({ initialCode: code, extend: (context) => Object.assign(context, { wasm_core: core }) });
      return (await runtime.dispatchFetch("http://edge.example/")).text();
    },
  },
  {
    tool: "wrangler", how: "`wrangler deploy --dry-run`, run in workerd", files: { "main.js": worker, "wrangler.toml": WRANGLER },
    async run(place) {
      await run(tool("wrangler"), ["deploy", "--dry-run", "--outdir", "out"], { cwd: place.source });
      return answered(place.moved(), "main.js");
    },
  },
  {
    tool: "nitropack", how: "preset `cloudflare_module` with `experimental.wasm`, run in workerd",
    files: { "routes/index.js": handler("export default defineEventHandler(() => told());\n"), "nitro.config.js": "export default { compatibilityDate: '2025-09-01', experimental: { wasm: true } };\n" },
    async run(place) {
      await run(tool("nitropack"), ["build", "--preset", "cloudflare_module"], { cwd: place.source });
      return answered(place.moved(place.at(".output/server")), "index.mjs");
    },
  },
];
