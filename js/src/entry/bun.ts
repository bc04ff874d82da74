import { entryPoint } from "../runtime.js";
import { own } from "../util/own.js";
import { moduleFromFile } from "./module.js";

export * from "../index.js";

/** What `Bun.serve` passes behind the request. */
type Server = { requestIP(request: Request): { address: string } | null };

export const { createVerifier, protect } = entryPoint({
  module: moduleFromFile,
  mode: "timer",
  context: (request, [server]) => ({ peer: own((server as Server | undefined)?.requestIP?.(request), "address") }),
});
