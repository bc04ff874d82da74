// Completes what the compiler wrote: the wasm files as text, for both kinds of modules, and the mark of the CommonJS half.
import { existsSync, readFileSync, writeFileSync } from "node:fs";

/** What bundlers that know the ending make of the file. */
const FILE_TYPES = "import type { CompiledCore } from \"./types/options.js\";\ndeclare const module: CompiledCore;\nexport default module;\n";
/** Each file, and the module that has it as text. */
const TEXTS = { "wasm/edgelatch.wasm": "entry/core/text", "wasm/testing.wasm": "entry/testing/text" };

const at = (path) => new URL(`../${path}`, import.meta.url);
for (const [file, module] of Object.entries(TEXTS)) {
  if (!existsSync(at(file))) {
    console.error(`js/${file} is missing: run \`cargo xtask wasm\` first`);
    process.exit(1);
  }
  const text = JSON.stringify(readFileSync(at(file), "base64"));
  const types = readFileSync(at(`src/${module}.d.ts`));
  for (const [directory, code] of [["dist", `export const TEXT = ${text};\n`], ["dist/cjs", `"use strict";\nexports.TEXT = ${text};\n`]]) {
    writeFileSync(at(`${directory}/${module}.js`), code);
    writeFileSync(at(`${directory}/${module}.d.ts`), types);
  }
}
for (const directory of ["dist", "dist/cjs"]) writeFileSync(at(`${directory}/edgelatch.wasm.d.ts`), FILE_TYPES);
writeFileSync(at("dist/cjs/package.json"), '{ "type": "commonjs", "sideEffects": false }\n');
