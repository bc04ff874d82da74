/**
 * Offline API-key verification at the edge.
 *
 * ```ts
 * import { createVerifier } from "edgelatch";
 *
 * const latch = await createVerifier({ root, source: "https://keys.example.com/r/acme" });
 * const verdict = latch.verify(request, { service: "cdn", permission: "cache.purge" });
 * if (!verdict.ok) return verdict.response();
 * ```
 *
 * @module
 */
export { SourceError, TrapError, UpdateError, UsageError } from "./errors.js";
export { type Challenge, type Code, type CodeRow, CODES } from "./generated/codes.js";
export type { Entry } from "./host.js";
export type { Protect, ProtectedHandler, ProtectOptions } from "./protect.js";
export type { Reply } from "./reply.js";
export { type RouteEntries, type RouteOptions, type RouteRequirement, routes, type RouteTable } from "./routes.js";
export { httpSource, type HttpSourceOptions } from "./sources/http.js";
export type { Found, Source, SourceState } from "./sources/source.js";
export { staticSource } from "./sources/static.js";
export type {
  AnyRequirement,
  ClientIp,
  CredentialHeader,
  KeyOptions,
  NodeRequest,
  RefreshOptions,
  RequestContext,
  RequestInfo,
  Requirement,
  RequirementFunction,
  Verifier,
  VerifierOptions,
} from "./types.js";
export type { UsageStats } from "./usage/dispatch.js";
export type { UsageDetails, UsageEvent, UsageOutcome, UsageSink } from "./usage/event.js";
export { type UsageOptions, usageReporter, type UsageReporter } from "./usage/reporter.js";
export type { Verdict } from "./verdict.js";
