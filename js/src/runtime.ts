/** What the package's entry for each runtime (`entry/`) is made of. */
import { type Protect, protectWith } from "./adapters/protect.js";
import { verifierOptions } from "./config.js";
import { OptionError, wordsOf } from "./errors.js";
import type { WaitUntil } from "./refresh/single-flight.js";
import type { CompiledCore, VerifierOptions } from "./types/options.js";
import type { RequestContext, Verifier } from "./types/verifier.js";
import { startVerifier } from "./verifier.js";

/** What differs between runtimes, but for where the core comes from. */
export interface Host {
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
   * `Metadata` is the type of what your keys carry: it is that of `verdict.metadata`, and nothing checks it.
   *
   * Rejects on a configuration error only, with an {@link OptionError} or an {@link UpdateError}, or with the reason of the option `signal`. A source that does not answer goes to
   * `onError`, and until a snapshot is there every verdict is `snapshot_missing` (503).
   *
   * Where there are no timers between requests (Workers), it fetches nothing, so that it may be called in the global scope;
   * requests await {@link Verifier.load}, as {@link EntryPoint.protect} does for them.
   *
   * ```ts
   * const verifier = await createVerifier({ root, source: "https://keys.example.com/r/acme", onError: console.error });
   * ```
   *
   * @param options root and source, and whatever is not as usual
   * @returns a verifier, which judges from now on
   */
  readonly createVerifier: <Metadata = unknown>(options: VerifierOptions) => Promise<Verifier<Metadata>>;
  /** Puts the check in front of a fetch handler. */
  readonly protect: Protect;
}

/** The same of `edgelatch/slim`, which brings no core. */
export interface SlimEntryPoint extends Pick<EntryPoint, "protect"> {
  /** As in `edgelatch`, with a core that the caller has compiled. */
  readonly createVerifier: <Metadata = unknown>(options: VerifierOptions & { readonly wasm: CompiledCore }) => Promise<Verifier<Metadata>>;
}

/** Ends every error about the core. */
const REMEDY = "pass the option `wasm`: edgelatch/edgelatch.wasm, compiled to a WebAssembly.Module. How to, for each bundler and host, is in docs/bundlers.md of the package";

/** Makes the functions of an entry. The core is compiled once, at the first call that needs it. */
export function entryPoint(host: Host, core: () => Promise<CompiledCore>): EntryPoint {
  const { mode, context, waitUntil } = host;
  let compiled: Promise<WebAssembly.Module> | undefined;
  return {
    createVerifier: async <Metadata>(given: VerifierOptions) => {
      const options = verifierOptions(given);
      if (options.wasm !== undefined) return startVerifier<Metadata>(options, moduleOf(options.wasm), mode, waitUntil);
      compiled ??= found(core);
      compiled.catch(() => (compiled = undefined));
      return startVerifier<Metadata>(options, await compiled, mode, waitUntil);
    },
    protect: protectWith(context),
  };
}

/** Makes the functions of an entry that brings no core. */
export function slimEntryPoint(host: Host): SlimEntryPoint {
  return entryPoint(host, async () => {
    throw new Error("edgelatch/slim brings none");
  });
}

async function found(core: () => Promise<CompiledCore>): Promise<WebAssembly.Module> {
  let module: unknown;
  try {
    module = await core();
  } catch (cause) {
    throw new OptionError(`wasm: the core could not be found or compiled here (${wordsOf(cause)}); ${REMEDY}`, "no_core", { cause });
  }
  return moduleOf(module);
}

/** Bundlers make of a `.wasm` file whatever they are told to: its address, its bytes, a function. By its tag, since one of another realm (a `vm` context) is no instance. */
function moduleOf(given: unknown): WebAssembly.Module {
  const tag = Object.prototype.toString.call(given);
  if (tag !== "[object WebAssembly.Module]") throw new OptionError(`wasm: a WebAssembly.Module is needed, this is ${tag}; ${REMEDY}`, "no_core");
  return given as WebAssembly.Module;
}
