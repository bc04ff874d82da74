import type { UsageSink } from "../usage/event.js";
import type { LazyOptions, RefreshOptions, VerifierOptions } from "./options.js";
import type { AnyRequirement, Requirement } from "./requirement.js";
import type { VerifierStats } from "./stats.js";
import type { Verdict } from "./verdict.js";

/** What the host knows about a request that the request object does not say: a plain object with these properties and no others. */
export interface RequestContext {
  /**
   * Address of the connection's other end, such as `192.0.2.1` or `2001:db8::1`. `undefined` says that it is not known, which every IP policy refuses. Left out, it
   * is that of a Node request's socket; a fetch `Request` does not know it.
   */
  readonly peer?: string | undefined;
  /** The PROXY protocol line that preceded the request on this connection, for hosts that read it. */
  readonly proxyLine?: string | undefined;
  /** Keeps background work alive after the response, where the platform has it. */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined;
  /** Ends the waiting of {@link Verifier.check} when it aborts: then the verdict is by what is there. That of a fetch `Request` is not looked at by itself. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of {@link Verifier.load} and {@link Verifier.refresh}. */
export interface WaitOptions {
  /** Ends the waiting when it aborts. The refresh itself, which others may wait for, goes on. */
  readonly signal?: AbortSignal | undefined;
  /** Keeps the refresh alive should it outlive the request, where the platform has it. */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined;
}

/** Options of {@link Verifier.verifyKey}: the requirement, and the address. An unknown one answers `bad_requirement`. */
export interface KeyOptions extends Requirement {
  /** Text of the client address. Left out or `undefined`: unknown, which every IP policy refuses. */
  readonly ip?: string | undefined;
}

/** What a lazy edge holds, and what it has done since its core was started. Many `dropped` beside few `refused`: {@link LazyOptions.bytes} is small. */
export interface LazyStats {
  /** Objects held of those that are fetched when they are needed. */
  readonly objects: number;
  /** Their bytes. */
  readonly bytes: number;
  /** Bytes of those that have served a key that exists: what has not cannot displace them. */
  readonly protectedBytes: number;
  /** Objects dropped for others. */
  readonly dropped: number;
  /** Fetches begun. */
  readonly fetches: number;
  /** Fetches that were not begun, since there were too many: their requests were answered `shard_unavailable`. */
  readonly refused: number;
}

/**
 * A verifier: one realm, one snapshot, verdicts without I/O.
 *
 * ```ts
 * const verdict = verifier.verify(request, { permission: "cache.purge" });
 * if (!verdict.ok) return verdict.response();
 * ```
 *
 * `Metadata` is the type of what your keys carry, as in `createVerifier<{ plan: string }>(…)`.
 *
 * `verify` and `verifyKey` cannot wait: they start a refresh that is due, and answer by what is there, however old it is.
 * `await verifier.check(…)` waits where that is worth it, within the bounds of {@link RefreshOptions}; `protect` and `middleware` do so.
 * They never throw: whatever goes wrong is a verdict that refuses.
 */
export interface Verifier<Metadata = unknown> {
  /** Judges a request: credential, Host, client address, key. Demands nothing more than a valid key. */
  verify(request: Request | NodeRequest): Verdict<Metadata>;
  /**
   * Judges a request: credential, Host, client address, key, requirement.
   *
   * @param request a fetch `Request` or a Node `IncomingMessage`. What is neither is a fault of the program: it answers `bad_requirement`, and
   * `onError` hears a `RequestError` that says where a framework's object has its request
   * @param requirement what the route demands; `undefined`, a look-up that found nothing, answers `bad_requirement`
   */
  verify(request: Request | NodeRequest, requirement: AnyRequirement): Verdict<Metadata>;
  /**
   * The same, where the host knows more than the request says.
   *
   * @param context anything but a {@link RequestContext}, `undefined` too, leaves the address unknown
   */
  verify(request: Request | NodeRequest, requirement: AnyRequirement, context: RequestContext): Verdict<Metadata>;
  /** Judges the text of a key from an unknown address. Demands nothing more than a valid key. */
  verifyKey(text: string): Verdict<Metadata>;
  /**
   * Judges the text of a key.
   *
   * @param options the requirement and the address; `undefined`, a look-up that found nothing, answers `bad_requirement`. Merge
   * a requirement in only when it was found: `{ ip, ...undefined }` is `{ ip }`, which nobody can tell from your intent
   */
  verifyKey(text: string, options: KeyOptions): Verdict<Metadata>;
  /**
   * The same as {@link verify}, after what a good answer takes: {@link load}, and of a lazy edge what the key needs. Never answers `shard_needed`;
   * what could not be fetched is `shard_unavailable` (503). To be awaited; it is no promise where there is nothing to wait for, so that the
   * check in front of a handler costs no turn of the event loop. Never throws or rejects.
   */
  check(request: Request | NodeRequest): Verdict<Metadata> | Promise<Verdict<Metadata>>;
  check(request: Request | NodeRequest, requirement: AnyRequirement): Verdict<Metadata> | Promise<Verdict<Metadata>>;
  check(request: Request | NodeRequest, requirement: AnyRequirement, context: RequestContext): Verdict<Metadata> | Promise<Verdict<Metadata>>;
  /** The same for the text of a key: see {@link verifyKey}. */
  checkKey(text: string): Verdict<Metadata> | Promise<Verdict<Metadata>>;
  checkKey(text: string, options: KeyOptions): Verdict<Metadata> | Promise<Verdict<Metadata>>;
  /** Refreshes now; resolves to whether anything changed. Rejects with what `onError` hears as well, or with the reason of the `signal`. */
  refresh(options?: WaitOptions): Promise<boolean>;
  /**
   * Resolves when a verdict may be given: at once, unless what was seen last is older than {@link RefreshOptions.maxAge} and a
   * refresh is due or under way. Then it waits for that, {@link RefreshOptions.maxWait} from its beginning at most; in mode
   * `demand` it waits for the very first snapshot as long as the refresh takes. It does not wait in mode `manual`, nor while a
   * source that failed is left alone for a while. Never rejects.
   */
  load(options?: WaitOptions): Promise<void>;
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
  /** What it has done so far, for metrics. */
  stats(): VerifierStats;
  /** What a lazy edge holds and has fetched; `undefined` for one that keeps the whole snapshot. */
  readonly lazy: LazyStats | undefined;
  /** Name of the realm that the root vouches for. */
  readonly realm: string;
  /** What the option of that name gave, if it takes events. */
  readonly usage?: UsageSink | undefined;
}

/**
 * The part of a Node `IncomingMessage` that is read. A host whose requests are neither Node's nor fetch's gives an object of this
 * shape: `{ method: "GET", url: "/zones?page=2", rawHeaders: ["Host", "api.example.com", "X-API-Key", key] }`.
 */
export interface NodeRequest {
  /** The method of the request line, such as `GET`. */
  readonly method?: string | undefined;
  /** The target of the request line: path and query as they were received. */
  readonly url?: string | undefined;
  /** Set by Express and Connect, which shorten `url` inside a mounted router. */
  readonly originalUrl?: string | undefined;
  /** Names and values in turn, as received. Requests of `node:http2` begin with the pseudo-headers. */
  readonly rawHeaders: string[];
  /** Read only where `rawHeaders` is empty, as adapters of serverless platforms leave it: values by name, several lines of one name as an array. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>> | undefined;
  /** The connection, and the server that accepted it: how many header lines that keeps must be known. */
  readonly socket?:
    | { readonly remoteAddress?: string | undefined; readonly server?: { readonly maxHeadersCount?: number | null | undefined } | undefined }
    | null
    | undefined;
}
