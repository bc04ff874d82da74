import { type EntryPoint, entryPoint } from "../runtime.js";
import { bufferedCore } from "./core/buffered.js";
import { bun } from "./host/bun.js";

export * from "../index.js";
const entry = entryPoint(bun, bufferedCore);
/** Sets up a verifier, and waits until it can judge: {@link EntryPoint.createVerifier} says more. */
export const createVerifier: EntryPoint["createVerifier"] = entry.createVerifier;
/** Puts the check in front of a fetch handler: {@link Protect} says more. */
export const protect: EntryPoint["protect"] = entry.protect;
