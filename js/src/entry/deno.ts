import { readFile } from "node:fs/promises";
import { entry } from "../host.js";
import { own } from "../own.js";

export * from "../index.js";
type Info = { remoteAddr: { hostname: string } } | undefined;
export const { createVerifier, protect } = entry({
  module: async () => WebAssembly.compile(await readFile(new URL("../../wasm/edgelatch.wasm", import.meta.url))),
  mode: "timer",
  context: (_request, [info]) => ({ peer: own(own(info as Info, "remoteAddr"), "hostname") }),
});
