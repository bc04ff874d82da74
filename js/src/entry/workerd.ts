import * as workers from "cloudflare:workers";
import module from "../../wasm/edgelatch.wasm";
import type { WaitUntil } from "../refresh/single-flight.js";
import { entryPoint } from "../runtime.js";

export * from "../index.js";

/** What Workers pass behind request and `env`. */
type ExecutionContext = { waitUntil?(work: Promise<unknown>): void } | undefined;

/** `undefined` where a handler was called without one: then the platform is asked which request it is answering. */
function waitUntilOf(context: ExecutionContext): WaitUntil | undefined {
  return context?.waitUntil === undefined ? undefined : (work) => context.waitUntil?.(work);
}

export const { createVerifier, protect } = entryPoint({
  module: async () => module, // compiling from bytes is refused here
  mode: "demand",
  waitUntil: workers.waitUntil, // read off the module: a name that a runtime does not have would keep the whole module from loading
  context: (_request, [, context]) => ({ waitUntil: waitUntilOf(context as ExecutionContext) }),
});
