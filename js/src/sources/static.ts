import { own } from "../util/own.js";
import type { Source } from "./source.js";

/** Says that the bundle has been handed over: it never changes. */
const TAG = "static";

/**
 * A bundle that is already in memory: for tests, and for programs that are built anew with each snapshot.
 *
 * @param bundle its bytes
 * @param roots later roots by version, from 2 on, where the bundle was signed under one of them
 * @returns for the option `source`
 */
export function staticSource(bundle: Uint8Array, roots: Readonly<Record<number, Uint8Array>> = {}): Source {
  return {
    bundle: async (request) => (own(request, "etag") === TAG ? undefined : { bytes: bundle, etag: TAG }),
    root: async (n) => own(roots, n),
  };
}
