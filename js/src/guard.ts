/**
 * The check in front of a handler, as every adapter does it. What an adapter adds is how its host is spoken to:
 *
 * 1. {@link Guard.judge} what the host calls a request. A host whose requests are neither fetch's nor Node's describes one as a
 *    {@link NodeRequest}: method, target and header lines as they were received.
 * 2. If there is a {@link Guard.refusal}, send it; the handler is not called.
 * 3. Take the headers that {@link isIdentityHeader} names off the request, and call the handler with the verdict.
 * 4. If the verdict is `ok`, give the response the {@link CACHING} headers, in the one place where the adapter sets headers.
 * 5. Once the status is known, `verdict.report({ status })`; refusals are reported already.
 *
 * Whatever throws on the way is the host's to answer, as an error of the handler would be: it never leads to the handler.
 */
import { CREDENTIAL_HEADERS } from "./generated/codes.js";
import type { Reply } from "./reply.js";
import type { AnyRequirement } from "./types/requirement.js";
import type { NodeRequest, RequestContext, Verifier } from "./types/verifier.js";
import { type Options, optionsOf, UNCHECKED } from "./util/options.js";
import { option } from "./util/own.js";
import type { Verdict } from "./verdict.js";

/** Options of every adapter. `Rest` are the further arguments of the host's handlers. */
export interface GuardOptions<Rest extends unknown[] = []> {
  /** The verifier, or what makes it out of the handler's further arguments at the first request, such as `env`. */
  readonly verifier: Verifier | ((...rest: Rest) => Verifier | Promise<Verifier>);
  /** What every request must fulfil. Left out: nothing more than a valid key. `undefined` is a configuration error. */
  readonly requirement?: AnyRequirement;
}

/** A requirement that is `undefined` is answered as one: with `bad_requirement`. */
const OPTIONS: Options<GuardOptions> = { verifier: UNCHECKED, requirement: UNCHECKED };

/** One per handler; see the head of this file. */
export class Guard<Rest extends unknown[] = []> {
  readonly #verifier: GuardOptions<Rest>["verifier"];
  readonly #requirement: AnyRequirement;
  /** The verifier, as soon as there is one, and before that the promise of it. One that could not be made is tried again. */
  #made: Verifier | Promise<Verifier> | undefined;

  /** @param adapter its name, which errors begin with */
  constructor(adapter: string, given: GuardOptions<Rest>) {
    const options = optionsOf(adapter, given, OPTIONS as Options<typeof given>);
    this.#verifier = options.verifier;
    this.#requirement = option(options, "requirement") as AnyRequirement;
  }

  /**
   * The verdict over a request: at once, unless the verifier is still being made, or {@link Verifier.check} waits. It rejects only if
   * the verifier could not be made.
   *
   * @param context what the host knows beyond the request; `OMITTED` leaves the address to a Node request's socket
   * @param rest the handler's further arguments, for a verifier that is made out of them
   */
  judge(request: Request | NodeRequest, context: RequestContext, rest: Rest): Verdict | Promise<Verdict> {
    const verifier = this.#made ?? this.#make(rest);
    return verifier instanceof Promise ? verifier.then((made) => this.#verdict(made, request, context)) : this.#verdict(verifier, request, context);
  }

  /** Whether statuses are reported; where they are not, an adapter need not wait for one. */
  get reports(): boolean {
    return !(this.#made instanceof Promise) && this.#made?.usage !== undefined;
  }

  /** The reply to a request that may not pass, which is reported herewith; `undefined` for one that may. */
  refusal(verdict: Verdict): Reply | undefined {
    if (verdict.ok || verdict.preflight) return undefined;
    verdict.report();
    return verdict.reply;
  }

  #make(rest: Rest): Verifier | Promise<Verifier> {
    const given = this.#verifier;
    if (typeof given !== "function") return (this.#made = given);
    const made = (async () => given(...rest))();
    this.#made = made;
    made.then((verifier) => (this.#made = verifier), () => (this.#made = undefined));
    return made;
  }

  /** The handler may wait for long: what it will ask of the verdict is read now, so that no old snapshot is kept for it. */
  #verdict(verifier: Verifier, request: Request | NodeRequest, context: RequestContext): Verdict | Promise<Verdict> {
    const verdict = verifier.check(request, this.#requirement, context);
    return verdict instanceof Promise ? verdict.then((settled) => settled.hold()) : verdict.hold();
  }
}

/** Headers in which an identity goes from us to the application; `_` too, which CGI and its heirs do not tell from `-`. */
const IDENTITY_HEADER = /^x[-_]edgelatch[-_]/i;

/** Whether an inbound header is to be taken off the request: what comes from outside under such a name is forged. */
export function isIdentityHeader(name: string): boolean {
  return IDENTITY_HEADER.test(name);
}

/** What caches must tell apart. */
const VARYING: readonly string[] = Object.values(CREDENTIAL_HEADERS);

/**
 * What the response to an accepted request says to caches, where the handler says nothing else: kept by none that is shared
 * (RFC 9111 section 3.5 protects `Authorization` only), and told apart by the credential headers.
 */
export const CACHING = { "cache-control": "private", vary: VARYING.join(", ") } as const;

/** A handler's own `Vary`, which the credential headers belong into all the same. */
export function varyWithCredentials(vary: string): string {
  const named = vary.toLowerCase().split(",").map((name) => name.trim());
  if (named.includes("*")) return vary;
  const missing = VARYING.filter((name) => !named.includes(name.toLowerCase()));
  return [...(vary === "" ? [] : [vary]), ...missing].join(", ");
}
