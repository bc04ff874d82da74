import { slimEntryPoint } from "../../runtime.js";
import { timers } from "../host/timers.js";

export * from "../../index.js";
export const { createVerifier, protect } = slimEntryPoint(timers);
