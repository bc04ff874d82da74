import { entryPoint } from "../runtime.js";
import { bufferedCore } from "./core/buffered.js";
import { timers } from "./host/timers.js";

export * from "../index.js";
export const { createVerifier, protect } = entryPoint(timers, bufferedCore);
