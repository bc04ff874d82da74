import type { RouteTable } from "./routes.js";
import type { Source } from "./sources/source.js";
import type { UsageSink } from "./usage/event.js";
import type { Verdict } from "./verdict.js";

/**
 * What a route demands of a key beyond being valid. `{}` demands nothing more.
 *
 * A property that is present must be well formed: `{ permission: undefined }` (a look-up that missed) or an unknown
 * property (a typing error) is a configuration error and answers `bad_requirement`, never an acceptance.
 */
export interface Requirement {
  /** The service that the key's scope must hold, such as `cdn`. */
  readonly service?: string;
  /** The permission that one of the key's roles must grant, such as `cache.purge`. */
  readonly permission?: string;
}

/** What a {@link RequirementFunction} may decide by. Method overrides by header are not seen here. */
export interface RequestInfo {
  /** The method of the request line. */
  readonly method: string;
  /** The path in normal form: one spelling for each, and none that common routers read as another path. Letter case stays. */
  readonly path: string;
}

/**
 * Chooses the requirement for a request. Returning anything but a {@link Requirement} answers `bad_requirement`.
 *
 * Do not compare paths in it: `path.startsWith("/admin")` misses `/ADMIN`, which Express serves as `/admin`. Use {@link routes},
 * or put a `middleware` with a requirement of its own into each route.
 */
export type RequirementFunction = (info: RequestInfo) => Requirement;

/** What is demanded: the same of every request, or by method and path ({@link routes}), or chosen for each by a function. */
export type AnyRequirement = Requirement | RouteTable | RequirementFunction;

/** How the client address is derived. The default is the connection alone; a header counts only under a rule. */
export type ClientIp =
  /** A rule in the core's own text form, such as `trust=10.0.0.0/8;header=forwarded`. */
  | string
  | {
      /** Networks of the trusted proxies: the rightmost untrusted address is the client. */
      readonly trust?: readonly string[];
      /** Exact number of proxies in front. */
      readonly hops?: number;
      /** A platform whose own header is authentic, such as `cloudflare`. */
      readonly platform?: string;
      /** The header to read instead of `X-Forwarded-For`. */
      readonly header?: string;
    };

/** A credential header: `Authorization: Bearer` or `X-API-Key`. */
export type CredentialHeader = "bearer" | "x-api-key";

/** When the snapshot is looked at again. */
export interface RefreshOptions {
  /** Milliseconds between polls, before jitter. Default 10 000. */
  readonly interval?: number;
  /** Longest pause after failures, milliseconds; pauses double up to it, or to 5000 while nothing is loaded. Default 300 000. */
  readonly maxBackoff?: number;
  /** Milliseconds after which one refresh is given up. Default 30 000. */
  readonly deadline?: number;
  /**
   * Milliseconds for which what a look brought is good enough to answer by. When the last look that succeeded is older and
   * one is due, `protect`, `middleware` and {@link Verifier.load} wait for it before they judge: what was revoked while
   * nobody asked, or while the process was frozen, is not accepted once more. Default: three intervals, since that long
   * without a look means that looks are missing, not late.
   */
  readonly maxAge?: number;
  /**
   * Milliseconds that they wait at most, from the beginning of that look. If it has failed or not ended by then, the request
   * is judged by what is there, for which the head's end stays the hard bound. Default 2000.
   */
  readonly maxWait?: number;
  /**
   * `timer` polls in the background; `demand` refreshes while requests are being answered, after an interval has
   * passed (for hosts without background timers); `manual` leaves it to {@link Verifier.refresh}.
   */
  readonly mode?: "timer" | "demand" | "manual";
}

/**
 * Options of `createVerifier`. The core validates what it interprets; an unknown option is refused, and so is `undefined` for
 * one without which less is protected: a variable that is not set must not pass for a decision.
 */
export interface VerifierOptions {
  /** The root this edge is deployed with: its bytes, or their base64 or base64url text. */
  readonly root: Uint8Array | string;
  /** Where snapshots come from: the URL of a published realm, or a source object. */
  readonly source: string | URL | Source;
  /** When to look again. */
  readonly refresh?: RefreshOptions;
  /** A cold start believes no epoch below this one, of the era of {@link root}. */
  readonly minEpoch?: number;
  /** Seconds past a head's `not_after` during which it still serves. Default 0. */
  readonly graceSeconds?: number | undefined;
  /** How the client address is derived. */
  readonly clientIp?: ClientIp;
  /** Narrows the credential headers that the realm allows. */
  readonly credentials?: readonly CredentialHeader[];
  /** Name of a query parameter that may carry the key. Off by default: URLs end up in logs. */
  readonly query?: string | undefined;
  /** Answer a wrong address like a wrong key (401), so that the holder of a stolen key learns nothing. */
  readonly maskIp?: boolean;
  /** Let CORS preflights pass to the handler unauthenticated. */
  readonly allowPreflight?: boolean | undefined;
  /** What the edge had seen when it last ran ({@link Verifier.floor}), kept by the host: a cold start believes nothing older. */
  readonly floor?: { readonly rootVersion: number; readonly epoch: number };
  /** The pepper of a realm whose digests are peppered: its id and 16 to 64 bytes. */
  readonly pepper?: { readonly id: number; readonly secret: Uint8Array };
  /** Where usage events go: `usageReporter`, or an object of your own. The caller closes it. Default: nowhere. */
  readonly usage?: UsageSink | undefined;
  /** Called with every verdict. What it throws is discarded. */
  readonly onVerdict?: ((verdict: Verdict) => void) | undefined;
  /** Called when a refresh fails or an update is refused. What it throws is discarded. */
  readonly onError?: ((error: Error) => void) | undefined;
  /** The clock, milliseconds since 1970. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
  /** The compiled core, for bundlers that place the `.wasm` file elsewhere. Default: the file of the package. */
  readonly wasm?: WebAssembly.Module | undefined;
}

/** What the host knows about a request that the request object does not say: a plain object with these properties. */
export interface RequestContext {
  /**
   * Address of the connection's other end. `undefined` says that it is not known, which every IP policy refuses. Left out, it
   * is that of a Node request's socket; a fetch `Request` does not know it.
   */
  readonly peer?: string | undefined;
  /** The PROXY protocol line that preceded the request on this connection, for hosts that read it. */
  readonly proxyLine?: string | undefined;
  /** Keeps background work alive after the response, where the platform has it. */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined;
}

/** Options of {@link Verifier.verifyKey}: the requirement, and the address. */
export interface KeyOptions extends Requirement {
  /** Text of the client address. Left out or `undefined`: unknown, which every IP policy refuses. */
  readonly ip?: string | undefined;
}

/**
 * A verifier: one realm, one snapshot, verdicts without I/O.
 *
 * `verify` and `verifyKey` cannot wait: they start a look that is due, and answer by what is there, however long nobody looked.
 * `await verifier.load()` before them gives the bound that {@link RefreshOptions.maxAge} names; `protect` and `middleware` do so.
 */
export interface Verifier {
  /** Judges a request: credential, Host, client address, key. Demands nothing more than a valid key. */
  verify(request: Request | NodeRequest): Verdict;
  /**
   * Judges a request: credential, Host, client address, key, requirement.
   *
   * @param request a fetch `Request` or a Node `IncomingMessage`
   * @param requirement what the route demands; `undefined`, a look-up that missed, answers `bad_requirement`
   */
  verify(request: Request | NodeRequest, requirement: AnyRequirement): Verdict;
  /**
   * The same, where the host knows more than the request says.
   *
   * @param context anything but a {@link RequestContext}, `undefined` too, leaves the address unknown
   */
  verify(request: Request | NodeRequest, requirement: AnyRequirement, context: RequestContext): Verdict;
  /** Judges the text of a key from an unknown address. Demands nothing more than a valid key. */
  verifyKey(text: string): Verdict;
  /**
   * Judges the text of a key.
   *
   * @param options the requirement and the address; `undefined`, a look-up that missed, answers `bad_requirement`. Merge a
   * looked-up requirement in only when it is there: `{ ip, ...undefined }` is `{ ip }`, which nobody can tell from your intent
   */
  verifyKey(text: string, options: KeyOptions): Verdict;
  /** Looks for a newer snapshot now; resolves to whether anything changed. Errors go to `onError` and are thrown here. */
  refresh(): Promise<boolean>;
  /**
   * Resolves when a verdict may be given: at once, unless what was seen last is older than {@link RefreshOptions.maxAge} and a
   * look is due or under way. Then it waits for that look, {@link RefreshOptions.maxWait} from its beginning at most; in mode
   * `demand` it waits for the very first snapshot as long as the look takes. It does not wait in mode `manual`, nor while a
   * source that failed is left alone for a while. Never rejects.
   *
   * @param waitUntil keeps the look alive should it outlive the request, where the platform has it
   */
  load(waitUntil?: (work: Promise<unknown>) => void): Promise<void>;
  /** Whether {@link load} would wait now. */
  readonly overdue: boolean;
  /** Stops refreshing. Verdicts go on until the snapshot is stale. */
  close(): void;
  /** Epoch of the snapshot that serves, 0 for none. */
  readonly epoch: number;
  /** Version of the root under which it serves, 0 for none. */
  readonly rootVersion: number;
  /**
   * The last root and epoch that were accepted, also when nothing serves any more: a host that keeps it hands it to its next
   * start as {@link VerifierOptions.floor}. `undefined` when nothing was seen yet.
   */
  readonly floor: { readonly rootVersion: number; readonly epoch: number } | undefined;
  /** Seconds since the serving head was issued, `Infinity` for none. */
  readonly age: number;
  /** Whether a snapshot is loaded. */
  readonly ready: boolean;
  /** Name of the realm. */
  readonly realm: string;
  /** What the option of that name gave. */
  readonly usage?: UsageSink | undefined;
}

/** The part of a Node `IncomingMessage` that is read. */
export interface NodeRequest {
  /** The method of the request line. */
  readonly method?: string | undefined;
  /** The target of the request line. */
  readonly url?: string | undefined;
  /** Set by Express and Connect, which shorten `url` inside a mounted router. */
  readonly originalUrl?: string | undefined;
  /** Names and values in turn, as received. Requests of `node:http2` begin with the pseudo-headers. */
  readonly rawHeaders: string[];
  /** The connection, and the server that accepted it: how many header lines that keeps must be known. */
  readonly socket?:
    | { readonly remoteAddress?: string | undefined; readonly server?: { readonly maxHeadersCount?: number | null | undefined } | undefined }
    | null
    | undefined;
}
