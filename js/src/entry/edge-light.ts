import module from "../../wasm/edgelatch.wasm?module";
import { type EntryPoint, entryPoint } from "../runtime.js";
import { edgeLight } from "./host/edge-light.js";

export * from "../index.js";
/** What is imported comes compiled: compiling from bytes is refused here. */
const entry = entryPoint(edgeLight, async () => module);
/** Sets up a verifier, and waits until it can judge: {@link EntryPoint.createVerifier} says more. */
export const createVerifier: EntryPoint["createVerifier"] = entry.createVerifier;
/** Puts the check in front of a fetch handler: {@link Protect} says more. */
export const protect: EntryPoint["protect"] = entry.protect;
