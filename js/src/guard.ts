/**
 * The check in front of a handler, as every adapter does it. What an adapter adds is how its host is spoken to:
 *
 * 1. {@link Guard.judge} what the host calls a request. A host whose requests are neither fetch's nor Node's describes one as a
 *    {@link NodeRequest}: method, target and header lines as they were received.
 * 2. If there is a {@link Guard.refusal}, send it, or what the host's own {@link Guard.own} makes of it; the handler is not called.
 * 3. Take the headers that {@link isIdentityHeader} names off the request, and call the handler with the verdict.
 * 4. Unless it is a preflight, give the response the {@link CACHING} headers with `verdict.vary`, in the one place where the adapter sets headers.
 * 5. Once the status is known, `verdict.report({ status })`; refusals are reported already, where their answer is not the host's own.
 *
 * Whatever throws on the way is the host's to answer, as an error of the handler would be: it never leads to the handler.
 */
import { USUAL } from "./engine/manner.js";
import { OptionError } from "./errors.js";
import type { Reply } from "./reply.js";
import { RouteTable } from "./request/routes.js";
import type { AnyRequirement, RequestInfo, Requirement } from "./types/requirement.js";
import type { NodeRequest, RequestContext, Verifier } from "./types/verifier.js";
import { type Options, optionsOf, UNCHECKED } from "./util/options.js";
import { option } from "./util/own.js";
import type { Verdict } from "./types/verdict.js";

/** What a request must fulfil: the same of all, by method and path, or chosen by a function that gets what the host's handlers get. */
export type HostRequirement<Host extends unknown[]> = Requirement | RouteTable | ((info: RequestInfo, ...host: Host) => Requirement);

/**
 * Options of every adapter.
 *
 * `Host` is what the host's handlers get, such as a request and a response; `Answer` is how it answers; `Rest` are the arguments out of which
 * a verifier may be made.
 */
export interface GuardOptions<Host extends unknown[] = [], Answer = unknown, Rest extends unknown[] = Host> {
  /** The verifier, or what makes it at the first request, out of what the host's handlers get, such as `env`. */
  readonly verifier: Verifier | ((...rest: Rest) => Verifier | Promise<Verifier>);
  /** What every request must fulfil. Left out: nothing more than a valid key. `undefined` is a configuration error. */
  readonly requirement?: HostRequirement<Host>;
  /**
   * Whether a request without any credential goes on, with a verdict that is not `ok`. One with a credential is judged as ever: a wrong key is refused.
   * It cannot be combined with a route table, whose `deny` would then hold for those with a key only. Default `false`.
   */
  readonly optional?: boolean;
  /**
   * Answers refused requests in a way of your own. What answers nothing leaves it to the usual reply; what throws, to the host's error handling. The
   * handler is never reached.
   */
  readonly refuse?: ((verdict: Verdict, ...host: Host) => Answer | Promise<Answer>) | undefined;
  /** What the host knows of the connection, in place of what the adapter finds out. `{ peer: undefined }` says that the address is not known. */
  readonly context?: ((...host: Host) => RequestContext) | undefined;
}

/** A requirement that is `undefined` is answered as one: with `bad_requirement`. */
const OPTIONS: Options<GuardOptions> = { verifier: UNCHECKED, requirement: UNCHECKED, optional: "true or false", refuse: UNCHECKED, context: UNCHECKED };

/** One per handler; see the head of this file. */
export class Guard<Host extends unknown[] = [], Answer = unknown, Rest extends unknown[] = Host> {
  /** The host's own answer to refused requests, if it has one. Who calls it reports the status; see {@link refusal}. */
  readonly own: GuardOptions<Host, Answer, Rest>["refuse"];
  readonly #verifier: GuardOptions<Host, Answer, Rest>["verifier"];
  readonly #requirement: unknown;
  readonly #optional: boolean;
  readonly #context: GuardOptions<Host, Answer, Rest>["context"];
  /** The verifier, as soon as there is one, and before that the promise of it. One that could not be made is tried again. */
  #made: Verifier | Promise<Verifier> | undefined;

  /** @param adapter its name, which errors begin with */
  constructor(adapter: string, given: GuardOptions<Host, Answer, Rest>) {
    const options = optionsOf(adapter, given, OPTIONS as Options<typeof given>);
    if (options.verifier === undefined || options.verifier === null) throw new OptionError(`${adapter}: verifier: a verifier is needed, or a function that makes one`);
    this.#verifier = options.verifier;
    this.#requirement = option(options, "requirement");
    this.#optional = flag(adapter, "optional", options.optional);
    this.own = hook(adapter, "refuse", options.refuse);
    this.#context = hook(adapter, "context", options.context);
    if (this.#optional && RouteTable.textOf(this.#requirement) !== undefined) {
      throw new OptionError(`${adapter}: optional: a route table may deny paths to all, which a request without a key would pass; give each route a check of its own`);
    }
  }

  /**
   * The verdict over a request: at once, unless the verifier is still being made, or {@link Verifier.check} waits. It rejects or throws only if
   * the verifier could not be made, or the host's `context` threw.
   *
   * @param context what the host knows beyond the request; `OMITTED` leaves the address to a Node request's socket
   * @param host what the host's handlers get
   * @param rest the arguments for a verifier that is made out of them, if they are not the same
   */
  judge(request: Request | NodeRequest, context: RequestContext, host: Host, rest: Rest = host as unknown[] as Rest): Verdict | Promise<Verdict> {
    const said = this.#context === undefined ? context : this.#context(...host);
    const needed = this.#needed(host);
    const verifier = this.#made ?? this.#make(rest);
    if (!(verifier instanceof Promise)) return verifier.check(request, needed, said);
    return verifier.then((made) => made.check(request, needed, said));
  }

  /** Whether statuses are reported; where they are not, an adapter need not wait for one. */
  get reports(): boolean {
    return !(this.#made instanceof Promise) && this.#made?.usage !== undefined;
  }

  /** The reply to a request that may not pass; `undefined` for one that may. It is reported herewith, unless the host has an answer of its {@link own}. */
  refusal(verdict: Verdict): Reply | undefined {
    if (verdict.ok || verdict.preflight || (this.#optional && verdict.code === "missing")) return undefined;
    if (this.own === undefined) verdict.report();
    return verdict.reply;
  }

  #needed(host: Host): AnyRequirement {
    const needed = this.#requirement;
    if (typeof needed !== "function") return needed as AnyRequirement;
    return (info) => (needed as (info: RequestInfo, ...host: Host) => Requirement)(info, ...host);
  }

  #make(rest: Rest): Verifier | Promise<Verifier> {
    const given = this.#verifier;
    if (typeof given !== "function") return (this.#made = given);
    const made = (async () => given(...rest))();
    this.#made = made;
    made.then((verifier) => (this.#made = verifier), () => (this.#made = undefined));
    return made;
  }
}

/** Without `optional` more is protected, so nothing passes for it that is not `true`. */
function flag(adapter: string, name: string, given: boolean | undefined): boolean {
  if (given !== undefined && typeof given !== "boolean") throw new OptionError(`${adapter}: ${name}: true or false is needed`);
  return given === true;
}

function hook<F>(adapter: string, name: string, given: F): F {
  if (given !== undefined && typeof given !== "function") throw new OptionError(`${adapter}: ${name}: a function is needed`);
  return given;
}

/** Headers in which an identity goes from us to the application; `_` too, which CGI and its heirs do not tell from `-`. */
const IDENTITY_HEADER = /^x[-_]edgelatch[-_]/i;
/** The shortest of them. Most names are shorter, or begin with another letter. */
const SHORTEST = "x-edgelatch-".length;

/** Whether an inbound header is to be taken off the request: what comes from outside under such a name is forged. */
export function isIdentityHeader(name: string): boolean {
  return name.length >= SHORTEST && (name[0] === "x" || name[0] === "X") && IDENTITY_HEADER.test(name);
}

/**
 * What the response to an accepted request says to caches, where the handler says nothing else: kept by none that is shared
 * (RFC 9111 section 3.5 protects `Authorization` only), and told apart by the credential headers: `verdict.vary` has a host's own besides.
 */
export const CACHING = { "cache-control": "private", vary: USUAL.vary } as const;

/** A handler's own `Vary`, which the credential headers, as listed, belong into all the same. */
export function varyWithCredentials(vary: string, credentials: string): string {
  if (vary === "") return credentials;
  const named = vary.toLowerCase().split(",").map((name) => name.trim());
  if (named.includes("*")) return vary;
  const missing = credentials.split(", ").filter((name) => !named.includes(name.toLowerCase()));
  return [vary, ...missing].join(", ");
}
