// The part that needs a file system: the configuration file, and the life of the process.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { trapping } from "../../runtimes/trap.mjs";
import { EXPORTS_THAT_JUDGE } from "./shared.mjs";

export const wasmFile = () => readFileSync(createRequire(import.meta.url).resolve("edgelatch/edgelatch.wasm"));
export const trappingFile = () => trapping(wasmFile(), EXPORTS_THAT_JUDGE);

export function readConfig(file) {
  if (file === undefined) fail("which configuration? give the path of a JSON file");
  const config = JSON.parse(readFileSync(file, "utf8"));
  const objects = { root: readFileSync(config.root), bundle: readFileSync(config.bundle) };
  return { config, objects, clock: { now: config.now, expiredNow: config.expiredNow } };
}

/** Connections come from the loopback address; the driver says who the client is in a header that only it may set. */
export const host = {
  clientIp: { trust: ["127.0.0.0/8"], header: "x-test-ip" },
  trap: () => WebAssembly.compile(trappingFile()),
};

export function ready(name, listeners) {
  console.log(JSON.stringify({ ready: true, host: name, listeners }));
  process.stdin.resume();
  process.stdin.on("end", () => process.exit(0));
  process.on("SIGTERM", () => process.exit(0));
}

export function fail(message) {
  console.error(message);
  process.exit(1);
}
