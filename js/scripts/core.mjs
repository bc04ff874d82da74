// Completes what the compiler wrote: the core as text, for both kinds of modules, and the mark of the CommonJS half.
import { existsSync, readFileSync, writeFileSync } from "node:fs";

/** What bundlers that know the ending make of the file. */
const FILE_TYPES = "declare const module: WebAssembly.Module;\nexport default module;\n";

const at = (path) => new URL(`../${path}`, import.meta.url);
if (!existsSync(at("wasm/edgelatch.wasm"))) {
  console.error("js/wasm/edgelatch.wasm is missing: run `cargo xtask wasm` first");
  process.exit(1);
}
const text = JSON.stringify(readFileSync(at("wasm/edgelatch.wasm"), "base64"));
const types = readFileSync(at("src/entry/core/text.d.ts"));
for (const [directory, code] of [["dist", `export const TEXT = ${text};\n`], ["dist/cjs", `"use strict";\nexports.TEXT = ${text};\n`]]) {
  writeFileSync(at(`${directory}/entry/core/text.js`), code);
  writeFileSync(at(`${directory}/entry/core/text.d.ts`), types);
  writeFileSync(at(`${directory}/edgelatch.wasm.d.ts`), FILE_TYPES);
}
writeFileSync(at("dist/cjs/package.json"), '{ "type": "commonjs", "sideEffects": false }\n');
