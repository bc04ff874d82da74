import { entryPoint } from "../runtime.js";
import { moduleFromFile } from "./module.js";

export * from "../index.js";

/** Fetch handlers on Node get no connection; `edgelatch/node` is for those that do. */
export const { createVerifier, protect } = entryPoint({ module: moduleFromFile, mode: "timer", context: () => ({}) });
