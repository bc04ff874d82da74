// Those who place the file themselves, and what they are told who forgot to, or whose bundler made something else of it.
import { build as esbuild } from "esbuild";
import { join } from "node:path";
import { node } from "../place.mjs";
import { esm } from "../program.mjs";

/** The one error: the option, and the page that tells how. */
const REMEDY = /^wasm: .*pass the option `wasm`.*docs\/bundlers\.md/;
const IMPORTED = 'import core from "edgelatch/edgelatch.wasm";\n';

const slim = (how, given, { also = "", loader = "binary", name = "edgelatch/slim", set = {}, expected } = {}) => ({
  tool: "esbuild", how, expected, files: { "main.js": esm(name, given, also) },
  async run(place) {
    await esbuild({ entryPoints: [place.at("main.js")], bundle: true, outfile: join(place.out, "main.mjs"), format: "esm", platform: "node", target: "node20", loader: { ".wasm": loader }, logLevel: "error", ...set });
    return node(join(place.moved(), "main.mjs"));
  },
});

export const SLIM = [
  slim("`edgelatch/slim` with the file as bytes, compiled", "{ wasm: new WebAssembly.Module(core) }", { also: IMPORTED }),
  slim("`edgelatch/slim` without `wasm` is one error that says what to do", "", { expected: REMEDY }),
  slim("a `.wasm` file that became an address is the same error", "{ wasm: core }", { also: IMPORTED, loader: "dataurl", expected: REMEDY }),
  slim("a host that compiles no bytes is the same error", "(WebAssembly.compile = async () => { throw new Error('disallowed by embedder'); }, {})", { name: "edgelatch", expected: REMEDY }),
  slim("a condition whose bundler makes no module of `.wasm?module` is the same error", "", { name: "edgelatch", set: { conditions: ["edge-light"] }, expected: REMEDY }),
];
