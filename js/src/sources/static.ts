import { own } from "../own.js";
import type { Source } from "./source.js";

/** A bundle that is already in memory, and any roots that lead up to it. */
export function staticSource(bundle: Uint8Array, roots: Readonly<Record<number, Uint8Array>> = {}): Source {
  return {
    bundle: async ({ etag }) => (etag === "static" ? undefined : { bytes: bundle, etag: "static" }),
    root: async (n) => own(roots, n),
  };
}
