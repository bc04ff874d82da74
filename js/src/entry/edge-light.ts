import module from "../../wasm/edgelatch.wasm?module";
import { entryPoint } from "../runtime.js";
import { edgeLight } from "./host/edge-light.js";

export * from "../index.js";
/** What is imported comes compiled: compiling from bytes is refused here. */
export const { createVerifier, protect } = entryPoint(edgeLight, async () => module);
