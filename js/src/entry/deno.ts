import { entryPoint } from "../runtime.js";
import { own } from "../util/own.js";
import { moduleFromFile } from "./module.js";

export * from "../index.js";

/** What `Deno.serve` passes behind the request. */
type Info = { remoteAddr: { hostname: string } } | undefined;

export const { createVerifier, protect } = entryPoint({
  module: moduleFromFile,
  mode: "timer",
  context: (_request, [info]) => ({ peer: own(own(info as Info, "remoteAddr"), "hostname") }),
});
