import { entry } from "../host.js";

export * from "../index.js";
export const { createVerifier, protect } = entry({
  module: () => WebAssembly.compileStreaming(fetch(new URL("../../wasm/edgelatch.wasm", import.meta.url))),
  mode: "timer",
  context: () => ({}),
});
