/**
 * Verifiers for tests, without a control plane: where nothing can be compiled from bytes, such as in workerd.
 *
 * @module
 */
import core from "../../../wasm/edgelatch.wasm?module";
import builder from "../../../wasm/testing.wasm?module";
import { entryPoint } from "../../runtime.js";
import { fakeVerifierWith } from "../../testing/fake.js";
import { timers } from "../host/timers.js";

export type { FakeKey, FakeOptions, FakeVerifier } from "../../testing/types.js";
/**
 * A verifier over a realm of its own, made, signed and loaded on the spot.
 *
 * @param keys what keys there are, by names of your own
 * @returns a verifier, with the text of each key
 */
export const fakeVerifier = fakeVerifierWith(entryPoint(timers, async () => core), async () => builder);
