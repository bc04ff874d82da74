import { slimEntryPoint } from "../../runtime.js";
import { bun } from "../host/bun.js";

export * from "../../index.js";
export const { createVerifier, protect } = slimEntryPoint(bun);
