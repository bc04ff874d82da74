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
  /**
   * How the router behind it reads paths: `lenient` takes `/Admin` and `/admin/` for `/admin`, as Express, Koa and Connect do;
   * `strict` takes them for three paths, as Fastify, Hono and hapi do. Default `any`: they may be read in either way, or some in one and some in the other, as by h3.
   */
  readonly router?: "any" | "lenient" | "strict";
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

const ROUTER = "`any`, `lenient` or `strict`";
const OPTIONS: Options<RouteOptions> = { router: ROUTER };
const REQUIREMENT: Options<Requirement> = { service: "its name", permission: "its name" };
const METHOD = /^[!#$%&'*+.^_`|~\dA-Z-]+$/;
const SEGMENT = /^(?:(?!\.{1,2}$)[\w.~-]+|:\w+|\*)$/;
const NAME = /^[\w-]+(?:\.[\w-]+)*$/;

/**
 * Requirements by method and path, chosen by the core in the same call that judges the request. Throws a `TypeError` for an
 * entry that is not well formed or there twice.
 *
 * ```ts
 * routes({ "GET /admin/*": { permission: "admin.read" }, "/admin/*": { permission: "admin.write" }, "/public/*": {}, default: "deny" })
 * ```
 *
 * - A segment of a pattern is letters, digits and `-._~`, or `:name` for any one segment; `/*` at the end is all below a path, which
 *   needs an entry of its own beside it.
 * - The most specific entry counts, wherever it stands; one with methods before one without; HEAD goes by GET where its pattern
 *   does not name it.
 * - Patterns are of the whole path, also inside a mounted router. A path that routers or file servers read in several ways, by letter
 *   case, a final `/` or an escape (`/%61dmin`), is `invalid_request` where these require different things.
 * - The order in which routes were added is not seen: where it counts, give each a check of its own. Nor is a method in a header
 *   (`X-HTTP-Method-Override`): put no middleware that heeds one behind the check.
 *
 * @param entries by pattern
 * @param _options more
 * @returns for the option `requirement`
 */
export function routes(entries: RouteEntries, _options?: RouteOptions): RouteTable {
  const { router = "any" } = optionsOf("routes", argument(arguments, 1) as RouteOptions, OPTIONS);
  if (!["any", "lenient", "strict"].includes(router)) throw new OptionError(`routes: router: ${ROUTER} is needed`);
  const given = plain(entries);
  if (given === undefined) throw new OptionError("routes: a plain object of entries is needed");
  if (!Object.hasOwn(given, "default")) throw new OptionError('routes: default is missing: give what every other request requires, or "deny"');
  const seen = new Map<string, string>();
  const lines = [`router=${router}`, `default${required("default", entries.default)}`];
  for (const [entry, requirement] of Object.entries(given)) {
    if (entry === "default") continue;
    check(entry, seen, router === "strict");
    lines.push(entry + required(entry, requirement));
  }
  return new RouteTable(lines.join("\n"));
}

/** Refuses what the core would refuse, where none is loaded yet. `seen` has methods with patterns, and how each segment is written. */
function check(entry: string, seen: Map<string, string>, strict: boolean): void {
  const space = entry.indexOf(" ");
  const methods = space < 0 ? ["any"] : entry.slice(0, space).split(",");
  const pattern = entry.slice(space + 1);
  if (space >= 0 && !methods.every((method) => METHOD.test(method))) {
    refuse(entry, "methods are in upper case, as in `GET,PUT /zones`");
  }
  if (!pattern.startsWith("/")) refuse(entry, "the pattern must begin with `/`");
  const segments = pattern === "/" ? [] : pattern.slice(1).split("/");
  let path = "";
  for (const [place, segment] of segments.entries()) {
    if (segment === "") refuse(entry, "no segment may be empty; a final `/` is left out");
    if (!SEGMENT.test(segment)) refuse(entry, `a segment is letters, digits and \`-._~\`, or \`:name\`, or \`*\`, but not \`${segment}\``);
    const meant = segment.startsWith(":") || (segment === "*" && place < segments.length - 1) ? ":" : segment;
    path += `/${strict ? meant : meant.toLowerCase()}`;
    const other = seen.get(path) ?? meant;
    if (other !== meant) refuse(entry, `another entry has \`${other}\` for \`${segment}\`: write both in one letter case`);
    seen.set(path, meant);
  }
  for (const method of methods) {
    const other = seen.get(`${method} ${path}`);
    if (other !== undefined) refuse(entry, `it is for the same requests as "${other}"`);
    seen.set(`${method} ${path}`, entry);
  }
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
