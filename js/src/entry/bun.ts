import { entryPoint } from "../runtime.js";
import { bufferedCore } from "./core/buffered.js";
import { bun } from "./host/bun.js";

export * from "../index.js";
export const { createVerifier, protect } = entryPoint(bun, bufferedCore);
