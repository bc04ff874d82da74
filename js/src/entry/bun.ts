import { readFile } from "node:fs/promises";
import { entry } from "../host.js";
import { own } from "../own.js";

export * from "../index.js";
type Server = { requestIP(request: Request): { address: string } | null };
export const { createVerifier, protect } = entry({
  module: async () => WebAssembly.compile(await readFile(new URL("../../wasm/edgelatch.wasm", import.meta.url))),
  mode: "timer",
  context: (request, [server]) => ({ peer: own((server as Server | undefined)?.requestIP?.(request), "address") }),
});
