import { slimEntryPoint, type SlimEntryPoint } from "../../runtime.js";
import { workerd } from "../host/workerd.js";

export * from "../../index.js";
const entry = slimEntryPoint(workerd);
/** Sets up a verifier, and waits until it can judge; a core, compiled, is needed here: {@link EntryPoint.createVerifier} says more. */
export const createVerifier: SlimEntryPoint["createVerifier"] = entry.createVerifier;
/** Puts the check in front of a fetch handler: {@link Protect} says more. */
export const protect: SlimEntryPoint["protect"] = entry.protect;
