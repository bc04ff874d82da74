/** What the package's entry for each runtime (`entry/`) is made of. */
import { type Protect, protectWith } from "./adapters/protect.js";
import { verifierOptions } from "./config.js";
import type { WaitUntil } from "./refresh/single-flight.js";
import type { VerifierOptions } from "./types/options.js";
import type { RequestContext, Verifier } from "./types/verifier.js";
import { startVerifier } from "./verifier.js";

/** What differs between runtimes. */
export interface Runtime {
  /** Finds and compiles the core. */
  readonly module: () => Promise<WebAssembly.Module>;
  /** The mode of refreshes unless told otherwise: by a timer where timers run between requests. */
  readonly mode: "timer" | "demand";
  /** What a fetch handler's further arguments say about a request. */
  readonly context: (request: Request, rest: readonly unknown[]) => RequestContext;
  /** Keeps work alive behind the response to the request that is being answered, where the platform ends it and says how without a context. */
  readonly waitUntil?: WaitUntil | undefined;
}

/** The functions that each entry of the package exports. */
export interface EntryPoint {
  /**
   * Sets up a verifier and waits for the first refresh, or until what {@link VerifierOptions.cache} kept serves.
   *
   * Rejects on a configuration error only, with a `TypeError` or an {@link UpdateError}. A source that does not answer goes to
   * `onError`, and until a snapshot is there every verdict is `snapshot_missing` (503).
   *
   * Where there are no timers between requests (Workers), it fetches nothing, so that it may be called in the global scope;
   * requests await {@link Verifier.load}, as {@link EntryPoint.protect} does for them.
   *
   * ```ts
   * const verifier = await createVerifier({ root, source: "https://keys.example.com/r/acme", onError: console.error });
   * ```
   */
  readonly createVerifier: (options: VerifierOptions) => Promise<Verifier>;
  /** Puts the check in front of a fetch handler. */
  readonly protect: Protect;
}

/** Makes the functions of an entry. The core is compiled once, at the first call that needs it. */
export function entryPoint({ module, mode, context, waitUntil }: Runtime): EntryPoint {
  let compiled: Promise<WebAssembly.Module> | undefined;
  return {
    createVerifier: async (given) => {
      const options = verifierOptions(given);
      if (options.wasm !== undefined) return startVerifier(options, options.wasm, mode, waitUntil);
      compiled ??= module();
      compiled.catch(() => (compiled = undefined));
      return startVerifier(options, await compiled, mode, waitUntil);
    },
    protect: protectWith(context),
  };
}
