/** Route tables: what a host writes down, checked when it is written, and put into the core's text form. */
import { OptionError } from "../errors.js";
import type { Requirement } from "../types/requirement.js";
import { type Options, optionsOf } from "../util/options.js";
import { argument, plain } from "../util/own.js";
import { demandOf } from "./demand.js";

/** What an entry of a route table requires: a requirement, or that no key is accepted (`permission_denied`). */
export type RouteRequirement = Requirement | "deny";

/** The entries of a route table: `"GET,POST /zones/:id"`, `"/public/*"`, and `default` for whatever none of them is for. 1024 at most. */
export interface RouteEntries {
  /** What every other request requires. */
  readonly default: RouteRequirement;
  /** For any method. */
  readonly [pattern: `/${string}`]: RouteRequirement;
  /** For these methods, joined by `,`. */
  readonly [entry: `${string} /${string}`]: RouteRequirement;
}

/** Options of {@link routes}. */
export interface RouteOptions {
  /** Whether `/Admin` is another path than `/admin`. Default `false`: routers like Express take them for one. */
  readonly caseSensitive?: boolean;
}

/** What {@link routes} makes. It stands wherever a requirement for requests can. */
export class RouteTable {
  readonly #text: string;

  /** @internal */
  constructor(text: string) {
    this.#text = text;
  }

  /** The core's text of a table; `undefined` for what is none. @internal */
  static textOf(value: unknown): string | undefined {
    return typeof value === "object" && value !== null && #text in value ? value.#text : undefined;
  }
}

const OPTIONS: Options<RouteOptions> = { caseSensitive: "true or false" };
const REQUIREMENT: Options<Requirement> = { service: "its name", permission: "its name" };
const METHOD = /^[!#$%&'*+.^_`|~\w-]+$/;
const SEGMENT = /^(?:(?!\.{1,2}$)[\w.~-]+|:\w+|\*)$/;
const NAME = /^[\w-]+(?:\.[\w-]+)*$/;

/**
 * Requirements by method and path, chosen by the core in the same call that judges the request. Throws a `TypeError` for an
 * entry that is not well formed, or that is for the same requests as another one.
 *
 * ```ts
 * routes({ "GET /admin/*": { permission: "admin.read" }, "/admin/*": { permission: "admin.write" }, "/public/*": {}, default: "deny" })
 * ```
 *
 * - A segment of a pattern is text that no escape can spell in another way (letters, digits, `-._~`), or `:name` for any one
 *   segment; `/*` at the end is the path before it and all below. Letter case and a final `/` do not count.
 * - The most specific entry counts, wherever it stands; one with methods before one without; HEAD goes by GET where its pattern
 *   does not name it.
 * - Patterns are of the whole path, also inside a mounted router. A path that some routers read as another one is
 *   `invalid_request`.
 * - Routers that compare names before they decode them (Express, Koa, Polka) send `/%61dmin` to a `/:name` beside `/admin`: where
 *   the two require different things, give each route a check of its own.
 * - A method in a header (`X-HTTP-Method-Override`) is not seen: put no middleware that heeds one behind the check.
 *
 * @param entries by pattern
 * @param _options more
 * @returns for the option `requirement`
 */
export function routes(entries: RouteEntries, _options?: RouteOptions): RouteTable {
  const { caseSensitive = false } = optionsOf("routes", argument(arguments, 1) as RouteOptions, OPTIONS);
  if (typeof caseSensitive !== "boolean") throw new OptionError("routes: caseSensitive: true or false is needed");
  const given = plain(entries);
  if (given === undefined) throw new OptionError("routes: a plain object of entries is needed");
  if (!Object.hasOwn(given, "default")) throw new OptionError('routes: default is missing: give what every other request requires, or "deny"');
  const seen = new Map<string, string>();
  const lines = [`case=${caseSensitive ? "exact" : "ignored"}`, `default${required("default", entries.default)}`];
  for (const [entry, requirement] of Object.entries(given)) {
    if (entry === "default") continue;
    for (const request of requestsOf(entry, caseSensitive)) {
      const other = seen.get(request);
      if (other !== undefined) refuse(entry, `it is for the same requests as "${other}"`);
      seen.set(request, entry);
    }
    lines.push(entry + required(entry, requirement));
  }
  return new RouteTable(lines.join("\n"));
}

/**
 * The requests that an entry is for: each of its methods with its pattern, as they are compared. The core reads the entry again
 * and alone decides by it; this refuses what the core would refuse, when the table is made, where no core is loaded yet.
 */
function requestsOf(entry: string, caseSensitive: boolean): string[] {
  const space = entry.indexOf(" ");
  const methods = space < 0 ? ["any"] : entry.slice(0, space).toUpperCase().split(",");
  const pattern = entry.slice(space + 1);
  if (!methods.every((method) => METHOD.test(method))) refuse(entry, "methods are joined by `,` and followed by one space, as in `GET,PUT /zones`");
  if (!pattern.startsWith("/")) refuse(entry, "the pattern must begin with `/`");
  const segments = pattern === "/" ? [] : pattern.slice(1).split("/");
  const wrong = segments.find((segment) => !SEGMENT.test(segment));
  if (wrong === "") refuse(entry, "no segment may be empty; a final `/` makes no difference and is left out");
  if (wrong !== undefined) refuse(entry, `a segment is letters, digits and \`-._~\`, or \`:name\`, or \`*\`, but not \`${wrong}\``);
  const last = segments.length - 1;
  const compared = segments.map((segment, place) => {
    if (segment === "*" && place === last) return "*";
    if (segment === "*" || segment.startsWith(":")) return ":";
    return caseSensitive ? segment : segment.toLowerCase();
  });
  return methods.map((method) => `${method} /${compared.join("/")}`);
}

/** What an entry requires, as fields of its line. */
function required(entry: string, requirement: RouteRequirement): string {
  if (requirement === "deny") return "\tdeny";
  if (plain(requirement) === undefined) refuse(entry, 'a requirement, `{}` for nothing more than a valid key, or "deny" is needed');
  const { service, permission } = optionsOf(`routes: "${entry}"`, requirement, REQUIREMENT);
  const field = (name: string, text: string | undefined, needed: string) => {
    if (text === undefined || !text.split(/[|&]/).every((part) => NAME.test(part))) refuse(entry, `${name}: ${needed} is needed`);
    return `\t${name}=${text}`;
  };
  const named = service === undefined ? "" : field("service", typeof service === "string" && NAME.test(service) ? service : undefined, "a text like `cdn`");
  return named + (permission === undefined ? "" : field("permission", demandOf(permission), "a text like `cache.purge`, or `{ any: […] }` or `{ all: […] }` of 1 to 8"));
}

function refuse(entry: string, fault: string): never {
  throw new OptionError(`routes: "${entry}": ${fault}`);
}
