import { entryPoint } from "../runtime.js";
import { bufferedCore } from "./core/buffered.js";
import { deno } from "./host/deno.js";

export * from "../index.js";
export const { createVerifier, protect } = entryPoint(deno, bufferedCore);
