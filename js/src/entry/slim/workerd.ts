import { slimEntryPoint } from "../../runtime.js";
import { workerd } from "../host/workerd.js";

export * from "../../index.js";
export const { createVerifier, protect } = slimEntryPoint(workerd);
