import { slimEntryPoint } from "../../runtime.js";
import { edgeLight } from "../host/edge-light.js";

export * from "../../index.js";
export const { createVerifier, protect } = slimEntryPoint(edgeLight);
