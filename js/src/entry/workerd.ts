import module from "../../wasm/edgelatch.wasm";
import { entryPoint } from "../runtime.js";

export * from "../index.js";

/** What Workers pass behind request and `env`. */
type ExecutionContext = { waitUntil?(work: Promise<unknown>): void } | undefined;

export const { createVerifier, protect } = entryPoint({
  module: async () => module, // compiling from bytes is refused here
  mode: "demand",
  context: (_request, [, context]) => ({ waitUntil: (work) => (context as ExecutionContext)?.waitUntil?.(work) }),
});
