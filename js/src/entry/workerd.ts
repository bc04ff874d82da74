import module from "../../wasm/edgelatch.wasm";
import { entry } from "../host.js";

export * from "../index.js";
type Lifetime = { waitUntil?(work: Promise<unknown>): void } | undefined;
export const { createVerifier, protect } = entry({
  module: async () => module, // compiling from bytes is refused here
  mode: "demand",
  context: (_request, [, lifetime]) => ({ waitUntil: (work) => (lifetime as Lifetime)?.waitUntil?.(work) }),
});
