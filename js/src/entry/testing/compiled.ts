/**
 * Verifiers for tests, without a control plane.
 *
 * @module
 */
import { entryPoint } from "../../runtime.js";
import { fakeVerifierWith } from "../../testing/fake.js";
import { compiled, decodedCore } from "../core/decoded.js";
import { timers } from "../host/timers.js";
import { TEXT } from "./text.js";

export type { FakeKey, FakeOptions, FakeVerifier } from "../../testing/types.js";
/**
 * A verifier over a realm of its own, made, signed and loaded on the spot.
 *
 * @param keys what keys there are, by names of your own
 * @returns a verifier, with the text of each key
 */
export const fakeVerifier = fakeVerifierWith(entryPoint(timers, decodedCore), () => compiled(TEXT));
