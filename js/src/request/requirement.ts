/** Requirements as hosts give them, and the numbers that the core knows them by. */
import type { Serving } from "../engine/serving.js";
import { RequirementError, UpdateError, wordsOf } from "../errors.js";
import { LIMIT, NO_PATH } from "../generated/codes.js";
import type { RequirementFunction } from "../types/requirement.js";
import type { KeyOptions } from "../types/verifier.js";
import { INHERITED, plain } from "../util/own.js";
import type { RequestText } from "./block.js";
import { demandOf } from "./demand.js";
import { RouteTable } from "./routes.js";

/** A name that is none, so that the core answers `bad_requirement` to it. */
const ILL_FORMED = "";
/** The number of what is no requirement. */
const BAD = 0;

/** Translates requirements into the core's numbers, each once. What is no requirement becomes `bad_requirement`, and is reported. */
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
    if (path === undefined) return NO_PATH;
    let given: unknown;
    try {
      given = (requirement as RequirementFunction)({ method: request.method, path });
    } catch (cause) {
      return this.#bad(`the requirement function threw: ${wordsOf(cause)}`, { cause });
    }
    const chosen = plain(given);
    return chosen === undefined ? this.#bad(`the requirement function returned ${named(given)}; ${NEEDED}`) : this.#pair(chosen, false);
  }

  /** The number of what a bare key must fulfil; its options may say an address besides. */
  ofKey(options: object | undefined): number {
    return options === undefined ? this.#bad(`the options are not ${NEEDED}; a look-up that found nothing is no requirement`) : this.#pair(options, true);
  }

  /** The number of a route table, out of which the core chooses; of anything else, that of a requirement that is none. */
  #table(table: unknown): number {
    const known = this.#tables.get(table as object);
    if (known !== undefined) return known;
    const text = RouteTable.textOf(table);
    if (text === undefined) return this.#bad(`${named(table)} is no requirement; ${NEEDED}`);
    const id = this.#compiledTable(text);
    this.#tables.set(table as object, id);
    return id;
  }

  #pair(holder: KeyOptions, withIp: boolean): number {
    // A misspelt name, `{ permision: "x" }`, would demand nothing.
    for (const name in holder) {
      if (name === "permission" || name === "service" || (withIp && name === "ip")) continue;
      if (Object.hasOwn(holder, name)) return this.#bad(`"${name}" is no part of a requirement; known are service and permission`);
    }
    const service = part(holder, "service", holder.service, INHERITED.service);
    const { permission } = holder;
    if (typeof permission === "object" && Object.hasOwn(holder, "permission")) {
      const demand = demandOf(permission) ?? ILL_FORMED;
      return this.#sound(this.#compiled(service, demand), service, demand);
    }
    const one = part(holder, "permission", permission, INHERITED.permission);
    // Most hosts ask for one pair again and again; comparing the same string costs nothing.
    if (service !== this.#lastService || one !== this.#lastPermission) {
      this.#last = this.#compiled(service, one === undefined ? one : (demandOf(one) ?? ILL_FORMED));
      this.#lastService = service;
      this.#lastPermission = one;
    }
    return this.#sound(this.#last, service, one);
  }

  #sound(number: number, service: string | undefined, permission: string | undefined): number {
    return number === BAD ? this.#bad(`the requirement ${shown(service, permission)} is not well formed, or one more than an edge keeps`) : number;
  }

  #bad(detail: string, options?: ErrorOptions): number {
    this.#report(new RequirementError(detail, options));
    return BAD;
  }

  /** The core may refuse what `routes` let pass, such as too many entries. Then every request is `bad_requirement`. */
  #compiledTable(text: string): number {
    try {
      return this.#engine.compileRoutes(text);
    } catch (error) {
      if (!(error instanceof UpdateError)) throw error;
      this.#report(error);
      return BAD;
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

/** Characters of a text that a message repeats. */
const MAX_SHOWN = 100;
const NEEDED = "a plain object with service, permission, both or neither is needed";

/** What a value is, for a message. */
function named(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (value instanceof Promise) return "a promise";
  return Array.isArray(value) ? "an array" : `a value of type ${typeof value}`;
}

function shown(service: string | undefined, permission: string | undefined): string {
  const parts = Object.entries({ service, permission }).filter(([, text]) => text !== undefined);
  return parts.map(([name, text]) => `${name} "${(text as string).slice(0, MAX_SHOWN)}"`).join(", ");
}

/** A property that is there must be a text. The caller reads the values, since a read by a name in a variable is slower. */
function part(holder: object, name: "service" | "permission", value: unknown, inherited: unknown): string | undefined {
  if (typeof value === "string" && value !== inherited) return value;
  if (!Object.hasOwn(holder, name)) return undefined;
  return typeof value === "string" ? value : ILL_FORMED;
}
