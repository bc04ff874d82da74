import { slimEntryPoint } from "../../runtime.js";
import { deno } from "../host/deno.js";

export * from "../../index.js";
export const { createVerifier, protect } = slimEntryPoint(deno);
