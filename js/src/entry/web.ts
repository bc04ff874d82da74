import { entryPoint } from "../runtime.js";

export * from "../index.js";

/** Wherever else fetch and modules are; a bundler finds the file by this address. */
export const { createVerifier, protect } = entryPoint({
  module: () => WebAssembly.compileStreaming(fetch(new URL("../../wasm/edgelatch.wasm", import.meta.url))),
  mode: "timer",
  context: () => ({}),
});
