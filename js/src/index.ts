/**
 * Offline API-key verification at the edge.
 *
 * ```ts
 * import { createVerifier } from "edgelatch";
 *
 * const verifier = await createVerifier({ root, source: "https://keys.example.com/r/acme" });
 * const verdict = verifier.verify(request, { service: "cdn", permission: "cache.purge" });
 * if (!verdict.ok) return verdict.response();
 * ```
 *
 * @module
 */
export type { Protect, ProtectedHandler, ProtectOptions } from "./adapters/protect.js";
export type { EdgeCache } from "./cache/cache.js";
export { kvCache, type KvNamespace } from "./cache/kv.js";
export { cacheApi, type CacheApiOptions, type WebCache } from "./cache/web.js";
export { CacheError, EdgelatchError, HostError, OptionError, RequestError, RequirementError, SourceError, TrapError, UpdateError, UsageError, VerdictError } from "./errors.js";
export { type Challenge, type Code, type CodeRow, CODES } from "./generated/codes.js";
export type { Reply } from "./reply.js";
export { type RouteEntries, type RouteOptions, type RouteRequirement, routes, type RouteTable } from "./request/routes.js";
export type { EntryPoint } from "./runtime.js";
export { httpSource, type HttpSourceOptions } from "./sources/http.js";
export { type R2Body, type R2Bucket, type R2Object, r2Source } from "./sources/r2.js";
export type { PushedHead, Source, SourceReply, SourceRequest, SourceStream, WatchRequest } from "./sources/source.js";
export { staticSource } from "./sources/static.js";
export type { ClientIp, CompiledCore, CredentialHeader, KeyLocation, LazyOptions, Pepper, RefreshOptions, VerifierOptions } from "./types/options.js";
export type { AnyRequirement, Permissions, RequestInfo, Requirement, RequirementFunction } from "./types/requirement.js";
export type { KeyOptions, LazyStats, NodeRequest, RequestContext, Verifier, WaitOptions } from "./types/verifier.js";
export type { EdgeState, EdgeWatch, UsageDetails, UsageEvent, UsageOutcome, UsageSink } from "./usage/event.js";
export type { UsageStats } from "./usage/queue.js";
export { type UsageOptions, usageReporter, type UsageReporter } from "./usage/reporter.js";
export type { EdgeUpdate, VerifierStats } from "./types/stats.js";
export type { Accepted, Refused, Verdict } from "./types/verdict.js";
