import type { Engine } from "./engine.js";
import type { KeyOptions, RequirementFunction } from "./types.js";

/** As many distinct requirements as the core compiles; a host that makes them up per request must not grow a map. */
const MAX_CACHED = 4096;
/** No name is empty, so the core answers `bad_requirement` to this one. */
const ILL_FORMED = "";

/** Translates requirement objects into the core's numbers, once per distinct pair. */
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

  /** The number of a requirement; anything that is not one becomes the number that always answers `bad_requirement`. */
  of(requirement: unknown): number {
    return isPlain(requirement) && !("ip" in requirement) ? this.pair(requirement) : this.#compiled(ILL_FORMED, ILL_FORMED);
  }

  /** The same for an object that may say the address too. */
  pair(holder: KeyOptions): number {
    const service = part(holder, "service");
    const permission = part(holder, "permission");
    // `{ permision: "x" }` would demand nothing.
    if (service === undefined || permission === undefined) {
      for (const key in holder) {
        if (key !== "permission" && key !== "service" && key !== "ip") return this.#compiled(ILL_FORMED, ILL_FORMED);
      }
    }
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

/** Calls a requirement function. Whatever goes wrong in it yields a value that is no requirement. */
export function ask(choose: RequirementFunction, method: string, path: string): unknown {
  try {
    return choose({ method, path });
  } catch {
    return undefined;
  }
}

function part(holder: KeyOptions, name: "service" | "permission"): string | undefined {
  const value: unknown = holder[name];
  if (typeof value === "string") return value;
  return value === undefined && !(name in holder) ? undefined : ILL_FORMED;
}

/** A promise, an array or a class instance is not a requirement, though none of its properties may contradict it. */
function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
