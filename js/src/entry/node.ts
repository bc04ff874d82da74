import { readFile } from "node:fs/promises";
import { entry } from "../host.js";

export * from "../index.js";
export const { createVerifier, protect } = entry({
  module: async () => WebAssembly.compile(await readFile(new URL("../../wasm/edgelatch.wasm", import.meta.url))),
  mode: "timer",
  context: () => ({}),
});
