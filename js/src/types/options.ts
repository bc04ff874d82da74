import type { EdgeCache } from "../cache/cache.js";
import type { EdgelatchError } from "../errors.js";
import type { CREDENTIAL_HEADERS } from "../generated/codes.js";
import type { Source } from "../sources/source.js";
import type { UsageSink } from "../usage/event.js";
import type { EdgeUpdate } from "./stats.js";
import type { Verdict } from "./verdict.js";

/**
 * How the client address is derived, on which IP policies are judged. The default is the connection alone; a header counts only
 * under a rule. `platform` stands alone; `trust` and `hops` exclude each other; `header` needs one of them.
 */
export type ClientIp =
  /** A rule in the core's own text form, such as `trust=10.0.0.0/8;header=forwarded`, or `proxy_protocol=trust:10.0.0.0/8`. */
  | string
  | {
      /** Networks of the trusted proxies, 1 to 1024 such as `10.0.0.0/8`: the rightmost untrusted address is the client. */
      readonly trust?: readonly string[];
      /** Exact number of proxies in front, 0 to 32. */
      readonly hops?: number;
      /** A platform whose own header is authentic, such as `cloudflare`, `fastly` or `aws-alb`. */
      readonly platform?: string;
      /** The header to read instead of `X-Forwarded-For`. */
      readonly header?: string;
    };

/** Where a credential may stand: `bearer` for `Authorization: Bearer …`, `x-api-key` for `X-API-Key: …`. */
export type CredentialHeader = keyof typeof CREDENTIAL_HEADERS;

/**
 * A place of the host's own for the key: a header that holds it alone (`{ header: "x-acme-key" }`) or behind a scheme (`{ header: "authorization", scheme:
 * "Token" }`), or one half of Basic credentials (`{ basic: "username" }`, as in `curl -u KEY:`). It is read as strictly as the other places.
 */
export type KeyLocation = { readonly header: string; readonly scheme?: string } | { readonly basic: "username" | "password" };

/** When the snapshot is refreshed. All times are milliseconds, above 0 and below 2^31. */
export interface RefreshOptions {
  /** Between two refreshes, before a jitter of a tenth. Default 10 000. */
  readonly interval?: number;
  /** Longest pause after failures; pauses double up to it, or to 5000 while nothing is loaded. Default 300 000. */
  readonly maxBackoff?: number;
  /** One refresh is given up after that. Default 30 000. */
  readonly deadline?: number;
  /**
   * Whether new heads are also taken from the source's stream, where it has one, as they are published: within a fraction of a second
   * rather than an interval. While the stream is open, refreshes are a safety net, a minute apart (or {@link interval}, if that is
   * longer). Default `true` in mode `timer`, and then a source without a stream is no error; `false` in the other modes, in which nothing
   * would keep it open.
   */
  readonly stream?: boolean;
  /**
   * How long what a refresh brought is good enough to answer by. When the last refresh that succeeded is older and one is due,
   * `protect`, `middleware` and {@link Verifier.load} wait for it before they judge: what was revoked while nobody asked, or
   * while the process was frozen, is not accepted once more. Default: three intervals, since by then refreshes are missing, not
   * late; while a stream is open, 37.5 seconds at least, since each of its signs of life says that nothing is newer.
   */
  readonly maxAge?: number;
  /**
   * How long they wait at most, from the beginning of that refresh. If it has failed or not ended by then, the request is judged
   * by what is there, for which the head's end stays the hard bound. Default 2000.
   */
  readonly maxWait?: number;
  /**
   * `timer` refreshes in the background; `demand` while requests are being answered, after an interval has passed (for hosts
   * without background timers); `manual` leaves it to {@link Verifier.refresh}. Default: `demand` on Workers, elsewhere `timer`.
   */
  readonly mode?: "timer" | "demand" | "manual";
}

/** How much a lazy edge keeps and fetches. Beside that it holds the index of the snapshot: less than a hundredth of what all of it takes. */
export interface LazyOptions {
  /** Bytes of what is fetched that are kept at most, such as `8 << 20`. From 262 144. */
  readonly bytes: number;
  /**
   * Objects that are fetched within a second at most, 1 to 10 000. Half of them are for keys that have been seen before: a flood of keys that do not
   * exist is answered `shard_unavailable` (503) beyond the other half, and takes nothing from those that do. Default 100.
   */
  readonly fetchesPerSecond?: number;
}

/** `WebAssembly.Module`, where the program's types know of it: those of Node alone do not. */
export type CompiledCore = typeof globalThis extends { WebAssembly: { Module: { prototype: infer Module extends object } } } ? Module : object;

/** A pepper, as `edgelatch trust pepper create` writes it into a file: the base64url or base64 text of its 16 to 64 bytes, or these. */
export type Pepper = Uint8Array | string;

/**
 * Options of `createVerifier`. The core validates what it interprets; an unknown option is refused, and so is `undefined` for
 * one without which less is protected: a variable that is not set must not pass for a decision.
 */
export interface VerifierOptions {
  /** The root this edge is deployed with: its bytes, or their base64 or base64url text. */
  readonly root: Uint8Array | string;
  /** Where snapshots come from: the URL of a published realm, or a source object. */
  readonly source: string | URL | Source;
  /** When to refresh. */
  readonly refresh?: RefreshOptions;
  /**
   * Where to keep what serves: `cacheApi`, `kvCache`, `fileCache` from `edgelatch/file`, or an object of your own. An edge that begins while
   * its source cannot be reached serves what it served last, until the end of its head. Default: nowhere.
   */
  readonly cache?: EdgeCache | undefined;
  /**
   * Keeps the part of the snapshot that is in use instead of all of it, for realms that are large against the memory of a host: what a key
   * needs is fetched while its request waits, in some milliseconds, and kept as long as there is room. `verify` and `verifyKey`, which
   * cannot wait, may answer `shard_needed`; {@link Verifier.check}, `protect` and the adapters never do. The source must have `object()`.
   * Default: the whole snapshot is kept, and no request waits for one.
   */
  readonly lazy?: LazyOptions;
  /** A cold start believes no epoch below this one, of the era of {@link root}. From 0; default: any. */
  readonly minEpoch?: number;
  /** Seconds past a head's `not_after` during which it still serves, up to 30 days. Default 0. */
  readonly graceSeconds?: number | undefined;
  /** How the client address is derived. Default: the connection's other end. */
  readonly clientIp?: ClientIp;
  /** Narrows the credential headers that the realm allows. At least one, unless the key may stand in {@link location} or {@link query}; default: all that the realm allows. */
  readonly credentials?: readonly CredentialHeader[];
  /** Name of a query parameter that may carry the key, up to 64 unreserved characters. Default: none, since URLs end up in logs. */
  readonly query?: string | undefined;
  /** A place of your own for the key, beside those of {@link credentials}; with `credentials: []` the only one. Default: none. */
  readonly location?: KeyLocation;
  /** The service that every requirement is about which names none itself. Default: none, which lets no key pass that is for some services only. */
  readonly service?: string;
  /** Whether a wrong address is answered like a wrong key (401), so that the holder of a stolen key learns nothing. Default `false`. */
  readonly maskIp?: boolean;
  /** Whether CORS preflights pass to the handler unauthenticated. Default `false`. */
  readonly allowPreflight?: boolean | undefined;
  /** What the edge had seen when it last ran ({@link Verifier.floor}), kept by the host: a cold start believes nothing older. */
  readonly floor?: { readonly rootVersion: number; readonly epoch: number };
  /**
   * The pepper that the realm's digests are made with, or up to four of them: while one is rotated, the edge is given the next one beside the present
   * one. A snapshot that was made with another one is refused ({@link UpdateError} `wrong_pepper`), and what serves goes on. Default: none.
   */
  readonly pepper?: Pepper | readonly Pepper[];
  /** Where usage events go, and who is told of new epochs: `usageReporter`, or an object of your own. The caller closes it. Default: nowhere. */
  readonly usage?: UsageSink | undefined;
  /** Called when another epoch has come into force: the first one too. What it throws is discarded. */
  readonly onUpdate?: ((update: EdgeUpdate) => void) | undefined;
  /** Called with every verdict. What it throws is discarded. */
  readonly onVerdict?: ((verdict: Verdict) => void) | undefined;
  /**
   * Called when a refresh fails ({@link SourceError}), an update is refused ({@link UpdateError}), the core stops ({@link TrapError}), a cache is of no
   * use ({@link CacheError}), or the program is at fault in what it calls a request or a requirement ({@link RequestError}, {@link RequirementError}).
   * What it throws is discarded. Default: `console.warn`, for each `code` at most once a minute.
   */
  readonly onError?: ((error: EdgelatchError) => void) | undefined;
  /** Closes the verifier when it aborts. While `createVerifier` still waits for the first refresh, it rejects with the reason. */
  readonly signal?: AbortSignal | undefined;
  /** The clock, milliseconds since 1970. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
  /** The core, compiled from `edgelatch/edgelatch.wasm` (`docs/bundlers.md`). Default: the one that the package brings; `edgelatch/slim` brings none. */
  readonly wasm?: CompiledCore | undefined;
}
