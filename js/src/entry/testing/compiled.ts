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
export const fakeVerifier = fakeVerifierWith(entryPoint(timers, decodedCore), () => compiled(TEXT));
