import { entryPoint } from "../runtime.js";
import { decodedCore } from "./core/decoded.js";
import { timers } from "./host/timers.js";

export * from "../index.js";
export const { createVerifier, protect } = entryPoint(timers, decodedCore);
