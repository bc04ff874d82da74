import module from "../../wasm/edgelatch.wasm";
import type { WaitUntil } from "../refresh/single-flight.js";
import { entryPoint } from "../runtime.js";

export * from "../index.js";

/** What Workers pass behind request and `env`. */
type ExecutionContext = { waitUntil?(work: Promise<unknown>): void } | undefined;

/** `undefined` where a handler was called without one: then another request may keep alive what this one began. */
function waitUntilOf(context: ExecutionContext): WaitUntil | undefined {
  return context?.waitUntil === undefined ? undefined : (work) => context.waitUntil?.(work);
}

export const { createVerifier, protect } = entryPoint({
  module: async () => module, // compiling from bytes is refused here
  mode: "demand",
  context: (_request, [, context]) => ({ waitUntil: waitUntilOf(context as ExecutionContext) }),
});
