/** Requirements as hosts give them, and the numbers that the core knows them by. */
import type { Serving } from "../engine/serving.js";
import { UpdateError } from "../errors.js";
import { LIMIT, NO_PATH } from "../generated/codes.js";
import type { RequestInfo, RequirementFunction } from "../types/requirement.js";
import type { KeyOptions } from "../types/verifier.js";
import { INHERITED, plain } from "../util/own.js";
import type { RequestText } from "./block.js";
import { RouteTable } from "./routes.js";

/** A name that is none, so that the core answers `bad_requirement` to it. */
const ILL_FORMED = "";

/** Translates requirements into the core's numbers, each once. What is no requirement becomes `bad_requirement`. */
export class Requirements {
  readonly #engine: Serving;
  readonly #report: (error: Error) => void;
  readonly #tables = new WeakMap<object, number>();
  /** Numbers by service and permission. */
  readonly #known = new Map<string | undefined, Map<string | undefined, number>>();
  #size = 0;
  #lastService: string | undefined;
  #lastPermission: string | undefined;
  #last: number;

  constructor(engine: Serving, report: (error: Error) => void) {
    this.#engine = engine;
    this.#report = report;
    this.#last = this.#compiled(undefined, undefined);
  }

  /** The number of what a request must fulfil: of a plain object, of a route table, or of what a function chooses. */
  of(requirement: unknown, request: RequestText): number {
    const fixed = plain(requirement);
    if (fixed !== undefined) return this.#pair(fixed, false);
    if (typeof requirement !== "function") return this.#table(requirement);
    const path = this.#engine.path(request);
    return path === undefined ? NO_PATH : this.#pair(plain(chosen(requirement as RequirementFunction, { method: request.method, path })), false);
  }

  /** The number of what a bare key must fulfil; its options may say an address besides. */
  ofKey(options: object | undefined): number {
    return this.#pair(options, true);
  }

  /** The number of a route table, out of which the core chooses; of anything else, that of a requirement that is none. */
  #table(table: unknown): number {
    const known = this.#tables.get(table as object);
    if (known !== undefined) return known;
    const text = RouteTable.textOf(table);
    if (text === undefined) return this.#compiled(ILL_FORMED, ILL_FORMED);
    const id = this.#compiledTable(text);
    this.#tables.set(table as object, id);
    return id;
  }

  #pair(holder: KeyOptions | undefined, withIp: boolean): number {
    if (holder === undefined) return this.#compiled(ILL_FORMED, ILL_FORMED);
    // A misspelt name, `{ permision: "x" }`, would demand nothing.
    for (const name in holder) {
      if (name === "permission" || name === "service" || (withIp && name === "ip")) continue;
      if (Object.hasOwn(holder, name)) return this.#compiled(ILL_FORMED, ILL_FORMED);
    }
    const service = part(holder, "service", holder.service, INHERITED.service);
    const permission = part(holder, "permission", holder.permission, INHERITED.permission);
    // Most hosts ask for one pair again and again; comparing the same string costs nothing.
    if (service === this.#lastService && permission === this.#lastPermission) return this.#last;
    this.#last = this.#compiled(service, permission);
    this.#lastService = service;
    this.#lastPermission = permission;
    return this.#last;
  }

  /** The core may refuse what `routes` let pass, such as too many entries. Then every request is `bad_requirement`. */
  #compiledTable(text: string): number {
    try {
      return this.#engine.compileRoutes(text);
    } catch (error) {
      if (!(error instanceof UpdateError)) throw error;
      this.#report(error);
      return this.#compiled(ILL_FORMED, ILL_FORMED);
    }
  }

  #compiled(service: string | undefined, permission: string | undefined): number {
    let permissions = this.#known.get(service);
    const found = permissions?.get(permission);
    if (found !== undefined) return found;
    const id = this.#engine.compile(service, permission);
    // A host that makes them up for each request must not grow a map.
    if (this.#size < LIMIT.requirements) {
      this.#size++;
      if (permissions === undefined) this.#known.set(service, (permissions = new Map()));
      permissions.set(permission, id);
    }
    return id;
  }
}

/** What the function throws yields a value that is no requirement. */
function chosen(choose: RequirementFunction, request: RequestInfo): unknown {
  try {
    return choose(request);
  } catch {
    return undefined;
  }
}

/** A property that is there must be a text. The caller reads the values, since a read by a name in a variable is slower. */
function part(holder: object, name: "service" | "permission", value: unknown, inherited: unknown): string | undefined {
  if (typeof value === "string" && value !== inherited) return value;
  if (!Object.hasOwn(holder, name)) return undefined;
  return typeof value === "string" ? value : ILL_FORMED;
}
