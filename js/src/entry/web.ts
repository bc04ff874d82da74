import { type EntryPoint, entryPoint } from "../runtime.js";
import { decodedCore } from "./core/decoded.js";
import { timers } from "./host/timers.js";

export * from "../index.js";
const entry = entryPoint(timers, decodedCore);
/** Sets up a verifier, and waits until it can judge: {@link EntryPoint.createVerifier} says more. */
export const createVerifier: EntryPoint["createVerifier"] = entry.createVerifier;
/** Puts the check in front of a fetch handler: {@link Protect} says more. */
export const protect: EntryPoint["protect"] = entry.protect;
