import { Buffer } from "node:buffer";
import { TEXT } from "./text.js";

/** Compiles the core out of its text, where Node's decoder is: a millisecond where `atob` and a loop take ten. */
export async function bufferedCore(): Promise<WebAssembly.Module> {
  return WebAssembly.compile(Buffer.from(TEXT, "base64"));
}
