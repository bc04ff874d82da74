import { verifierOptions } from "./config.js";
import { type Protect, protectWith } from "./protect.js";
import type { RequestContext, Verifier, VerifierOptions } from "./types.js";
import { create } from "./verifier.js";

/** What differs between runtimes. */
export interface Host {
  /** Finds and compiles the core. */
  readonly module: () => Promise<WebAssembly.Module>;
  /** Whether timers run between requests. */
  readonly mode: "timer" | "demand";
  /** What a fetch handler's further arguments say about a request. */
  readonly context: (request: Request, rest: readonly unknown[]) => RequestContext;
}

/** The functions that an entry exports. */
export interface Entry {
  /**
   * Sets up a verifier and waits for the first look at the source. Rejects on a configuration error only: a source that
   * does not answer goes to `onError`, and until a snapshot is there every verdict is `snapshot_missing` (503).
   *
   * Where there are no timers between requests (Workers), it fetches nothing, so that it may be called in the global scope;
   * requests await {@link Verifier.load}, as {@link Entry.protect} does for them.
   */
  readonly createVerifier: (options: VerifierOptions) => Promise<Verifier>;
  /** Puts the check in front of a fetch handler. */
  readonly protect: Protect;
}

/** Makes the functions of an entry. The core is compiled once, at the first call that needs it. */
export function entry({ module, mode, context }: Host): Entry {
  let compiled: Promise<WebAssembly.Module> | undefined;
  return {
    createVerifier: async (given) => {
      const options = verifierOptions(given);
      if (options.wasm !== undefined) return create(options, options.wasm, mode);
      compiled ??= module();
      compiled.catch(() => (compiled = undefined));
      return create(options, await compiled, mode);
    },
    protect: protectWith(context),
  };
}
