import { readFile } from "node:fs/promises";

/** Compiles the package's own wasm file, where there is a file system. */
export async function moduleFromFile(): Promise<WebAssembly.Module> {
  return WebAssembly.compile(await readFile(new URL("../../wasm/edgelatch.wasm", import.meta.url)));
}
