import { blockOf, type Lines } from "./block.js";
import { NOWHERE } from "./connection.js";
import { type Engine, NO_PATH } from "./engine.js";
import { BARE, plain } from "./own.js";
import type { KeyOptions, RequestInfo, RequirementFunction } from "./types.js";

/** As many distinct requirements as the core compiles; a host that makes them up per request must not grow a map. */
const MAX_CACHED = 4096;
/** No name is empty, so the core answers `bad_requirement` to this one. */
const ILL_FORMED = "";

/** A kind of requirement that depends on the request; no plain object is of any. */
interface Kind {
  readonly is: (value: unknown) => boolean;
  /** What this request must fulfil, as a plain object. */
  readonly choose: (value: never, request: RequestInfo) => unknown;
}

const KINDS: readonly Kind[] = [
  { is: (value) => typeof value === "function", choose: (value: RequirementFunction, request) => value(request) },
];

/** Translates requirements into the core's numbers, once per distinct pair. What is none becomes `bad_requirement`. */
export class Requirements {
  readonly #engine: Engine;
  readonly #known = new Map<string | undefined, Map<string | undefined, number>>();
  #size = 0;
  #lastService: string | undefined;
  #lastPermission: string | undefined;
  #last: number;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#last = this.#compiled(undefined, undefined);
  }

  /** The number of what a request must fulfil: of a plain object, or of what any other kind of requirement chooses. */
  of(requirement: unknown, request: Lines): number {
    const fixed = plain(requirement);
    if (fixed !== undefined) return this.#pair(fixed, false);
    const kind = KINDS.find(({ is }) => is(requirement));
    if (kind === undefined) return this.#compiled(ILL_FORMED, ILL_FORMED);
    const { method, target } = request;
    const path = this.#engine.path(blockOf({ method, target, headers: "" }, NOWHERE));
    return path === undefined ? NO_PATH : this.#pair(plain(chosen(kind, requirement, { method, path })), false);
  }

  /** The number of what a bare key must fulfil; its options may say an address besides. */
  ofKey(options: object | undefined): number {
    return this.#pair(options, true);
  }

  #pair(holder: KeyOptions | undefined, withIp: boolean): number {
    if (holder === undefined) return this.#compiled(ILL_FORMED, ILL_FORMED);
    // `{ permision: "x" }` would demand nothing.
    for (const name in holder) {
      if (name === "permission" || name === "service" || (withIp && name === "ip")) continue;
      if (Object.hasOwn(holder, name)) return this.#compiled(ILL_FORMED, ILL_FORMED);
    }
    const service = part(holder, "service", holder.service, BARE.service);
    const permission = part(holder, "permission", holder.permission, BARE.permission);
    // Most hosts ask for one pair again and again; comparing the same string costs nothing.
    if (service === this.#lastService && permission === this.#lastPermission) return this.#last;
    this.#last = this.#compiled(service, permission);
    this.#lastService = service;
    this.#lastPermission = permission;
    return this.#last;
  }

  #compiled(service: string | undefined, permission: string | undefined): number {
    let permissions = this.#known.get(service);
    const found = permissions?.get(permission);
    if (found !== undefined) return found;
    const id = this.#engine.compile(service, permission);
    if (this.#size < MAX_CACHED) {
      this.#size++;
      if (permissions === undefined) this.#known.set(service, (permissions = new Map()));
      permissions.set(permission, id);
    }
    return id;
  }
}

/** Whatever goes wrong in the host's own code yields a value that is no requirement. */
function chosen(kind: Kind, requirement: unknown, request: RequestInfo): unknown {
  try {
    return kind.choose(requirement as never, request);
  } catch {
    return undefined;
  }
}

/** A property that is there must be a text. The values are read by the caller, which is faster than by a name in a variable. */
function part(holder: object, name: "service" | "permission", value: unknown, inherited: unknown): string | undefined {
  if (typeof value === "string" && value !== inherited) return value;
  if (!Object.hasOwn(holder, name)) return undefined;
  return typeof value === "string" ? value : ILL_FORMED;
}
