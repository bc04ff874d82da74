// Bundlers proper: one program in, files out, which run in Node.
import { nodeResolve } from "@rollup/plugin-node-resolve";
import { rspack } from "@rspack/core";
import { build as esbuild } from "esbuild";
import { join } from "node:path";
import { rollup } from "rollup";
import webpack from "webpack";
import { node, run, sdkTool, tool } from "../place.mjs";
import { cjs, esm } from "../program.mjs";

const MARK = '{ "type": "module" }';

/** @param build writes a program `main.js` to `place.out` */
const bundled = (tool, how, build, { files = { "main.js": esm() }, main = "main.js", type = MARK } = {}) => ({
  tool, how, files,
  async run(place) {
    await build(place);
    const moved = place.moved();
    place.write("../moved/package.json", type);
    return node(join(moved, main));
  },
});
const COMMONJS = { main: "main.cjs" };
const REQUIRING = { files: { "main.cjs": cjs }, main: "main.cjs" };

const byEsbuild = (options, main = "main.js") => (place) =>
  esbuild({ entryPoints: [place.at(Object.keys(REQUIRING.files).includes(options.from) ? options.from : "main.js")], bundle: true, outfile: join(place.out, main), logLevel: "error", ...options.set });

const byTsup = (format) => (place) => run(tool("tsup"), ["main.js", "--format", format, "--out-dir", "out", "--silent"], { cwd: place.source });

async function byRollup(place, format, main, exportConditions) {
  const bundle = await rollup({ input: place.at("main.js"), plugins: [nodeResolve({ exportConditions })], external: /^node:/, onwarn: () => {} });
  await bundle.write({ dir: place.out, format, entryFileNames: main });
}

/** webpack, and Rspack, which is called alike. */
const packed = (pack, target, entry = "main.js") => (place) =>
  new Promise((resolve, reject) => {
    const options = { mode: "production", target, context: place.source, entry: place.at(entry), output: { path: place.out, filename: "main.cjs" }, performance: { hints: false } };
    pack(options, (error, stats) => (error ?? stats.hasErrors() ? reject(error ?? new Error(stats.toString("errors-only"))) : resolve()));
  });

async function byParcel(place, context) {
  const app = { context, includeNodeModules: true, outputFormat: "esmodule", distDir: "out", sourceMap: false };
  place.write("package.json", JSON.stringify({ name: "user", type: "module", targets: { app } }));
  await run(tool("parcel"), ["build", "main.js", "--no-cache", "--log-level", "error"], { cwd: place.source });
}

const byBun = (target) => (place) => run(sdkTool("bun"), ["build", place.at("main.js"), "--target", target, "--outdir", place.out]);

export const BUNDLERS = [
  bundled("esbuild", "for Node, ES module", byEsbuild({ set: { platform: "node", format: "esm" } })),
  bundled("esbuild", "for Node, CommonJS", byEsbuild({ set: { platform: "node", format: "cjs" } }, "main.cjs"), COMMONJS),
  bundled("esbuild", "for Node, a program that calls `require`", byEsbuild({ from: "main.cjs", set: { platform: "node" } }, "main.cjs"), REQUIRING),
  bundled("esbuild", "for browsers", byEsbuild({ set: { platform: "browser", format: "esm" } })),
  bundled("tsup", "ES module", byTsup("esm")),
  bundled("tsup", "CommonJS", byTsup("cjs"), COMMONJS),
  bundled("rollup", "`node-resolve`, ES module", (place) => byRollup(place, "es", "main.js")),
  bundled("rollup", "`node-resolve` for Node, CommonJS", (place) => byRollup(place, "cjs", "main.cjs", ["node"]), COMMONJS),
  bundled("webpack", "for Node", packed(webpack, "node"), COMMONJS),
  bundled("webpack", "for browsers", packed(webpack, "web"), COMMONJS),
  bundled("webpack", "for Node, a program that calls `require`", packed(webpack, "node", "main.cjs"), REQUIRING),
  bundled("@rspack/core", "for Node", packed(rspack, "node"), COMMONJS),
  bundled("@rspack/core", "for browsers", packed(rspack, "web"), COMMONJS),
  bundled("parcel", "for browsers", (place) => byParcel(place, "browser")),
  bundled("parcel", "for Node", (place) => byParcel(place, "node")),
  bundled("@vercel/ncc", "ES module", (place) => run(tool("ncc"), ["build", "main.js", "-o", "out", "-q"], { cwd: place.source }), { main: "index.js" }),
  bundled("bun", "`bun build` for browsers", byBun("browser")),
  bundled("bun", "`bun build` for Node", byBun("node")),
  {
    tool: "bun", how: "`bun build` for Bun", files: { "main.js": esm() },
    run: async (place) => (await byBun("bun")(place), run(sdkTool("bun"), [join(place.moved(), "main.js")])),
  },
  {
    tool: "bun", how: "`bun build --compile`", files: { "main.js": esm() },
    run: async (place) => (await run(sdkTool("bun"), ["build", "--compile", place.at("main.js"), "--outfile", join(place.out, "program")]), run(join(place.moved(), "program"), [])),
  },
];
