import type { RouteTable } from "../request/routes.js";

/**
 * What a route demands of a key beyond being valid. `{}` demands nothing more.
 *
 * A property that is present must be well formed: `{ permission: undefined }` (a look-up that found nothing) or an unknown
 * property (a typing error) is a configuration error and answers `bad_requirement` (500), never an acceptance.
 */
export interface Requirement {
  /** The service that the key's scope must hold, such as `cdn`. */
  readonly service?: string;
  /** The permission that one of the key's roles must grant, such as `cache.purge`, or several. No patterns: a key has those. */
  readonly permission?: string | Permissions;
}

/** Several permissions, 1 to 8: any of them will do, or all of them are needed, be it by different roles. */
export type Permissions = { readonly any: readonly string[] } | { readonly all: readonly string[] };

/** What a {@link RequirementFunction} may decide by. */
export interface RequestInfo {
  /** The method of the request line, in capitals as clients send it. One in a header (`X-HTTP-Method-Override`) is not seen. */
  readonly method: string;
  /** The path in normal form: one spelling for each, and none that common routers read as another path. Letter case stays. */
  readonly path: string;
}

/**
 * Chooses the requirement for a request. Returning anything but a {@link Requirement}, or throwing, answers `bad_requirement`.
 *
 * Do not compare paths in it: `path.startsWith("/admin")` misses `/ADMIN`, which Express serves as `/admin`. Use {@link routes},
 * or put a `middleware` with a requirement of its own into each route.
 */
export type RequirementFunction = (info: RequestInfo) => Requirement;

/** What is demanded: the same of every request, or by method and path ({@link routes}), or chosen for each by a function. */
export type AnyRequirement = Requirement | RouteTable | RequirementFunction;
