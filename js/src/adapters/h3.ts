/**
 * {@link Guard} for h3 1 and 2, and for Nitro and Nuxt on them.
 *
 * @module
 */
import { Guard, type GuardOptions } from "../guard.js";
import { type Reply, responseOf } from "../reply.js";
import type { NodeRequest, RequestContext } from "../types/verifier.js";
import { OMITTED } from "../util/own.js";
import type { Verdict } from "../types/verdict.js";
import { answered, tellCaches, withCaching, withoutIdentity } from "./fetched.js";
import { admit, type Incoming, type Outgoing, reportWhenDone, send, stripIdentity } from "./incoming.js";

/** @ts-ignore h3 need not be there: its types are added to where it is. */
declare module "h3" {
  interface H3EventContext {
    /** The verdict of the check. */
    edgelatch?: Verdict;
  }
}

/** An event of h3, as far as its two versions are the same. */
export interface Event {
  readonly node?: object | undefined;
  readonly req?: object;
  readonly res?: object | undefined;
  readonly context: { edgelatch?: Verdict };
}

/** Node's request and response behind an event. */
interface NodePair {
  readonly req: Incoming;
  readonly res?: Outgoing | undefined;
}

/** An event of h3 1. */
interface First {
  readonly node: Required<NodePair>;
}

/** An event of h3 2: the request, with what its server knows, and what is added to the response. */
interface Second {
  req: Request & { readonly runtime?: { readonly node?: NodePair | undefined } | undefined; readonly ip?: string | undefined; readonly waitUntil?: unknown };
  readonly res: { readonly status?: number | undefined; readonly headers: Headers };
}

/** Options of {@link check}. `refuse`, `requirement`, `context` and a function that makes the verifier get the event. */
export type CheckOptions<Given extends Event = Event> = GuardOptions<[event: Given], Response | undefined>;

/**
 * Middleware that lets accepted requests pass, with `event.context.edgelatch`. In h3 1 (Nitro 2, Nuxt) it is what an event handler does, or a hook `onRequest` of one.
 *
 * ```ts
 * app.use(check({ verifier, requirement: { permission: "zone.view" } })); // h3 2
 * app.use(eventHandler(check({ verifier, requirement: { permission: "zone.view" } }))); // h3 1
 * ```
 *
 * On Node header lines are judged as they were received; elsewhere they have been joined, and two of one credential are refused. What `refuse` throws goes to h3.
 * Throws a `TypeError` for options that are not well formed.
 *
 * @param options what is checked, by which verifier
 * @returns middleware of h3 2, and what `eventHandler` of h3 1 takes
 */
export function check<Given extends Event = Event>(options: CheckOptions<Given>): (event: Event, next?: () => unknown) => Promise<any> {
  const guard = new Guard("check", options);

  return async (event, next) => {
    const { context } = event;
    const second = isSecond(event) ? event : undefined;
    const node = second === undefined ? (event as unknown as First).node : second.req.runtime?.node;
    const judged = guard.judge(...judgedOf(second, node), [event as Given]);
    const verdict = judged instanceof Promise ? await judged : judged;
    verdict.supersede(context.edgelatch); // of a check before this one
    const refusal = guard.refusal(verdict);
    if (refusal !== undefined) {
      const response = guard.own === undefined ? undefined : await answered(guard.own, verdict, refusal, [event as Given]);
      if (second !== undefined) return response ?? responseOf(refusal);
      return send(node?.res as Outgoing, response === undefined ? refusal : await plainOf(response));
    }
    context.edgelatch = verdict;
    if (second === undefined) return admit(verdict, node?.req as Incoming, node?.res as Outgoing, guard.reports);
    if (node !== undefined) stripIdentity(node.req);
    const clean = withoutIdentity(second.req);
    if (clean !== second.req) second.req = withExtras(clean, second.req);
    const answer = node?.res;
    if (answer !== undefined) reportWhenDone(answer, verdict);
    return passed(second, verdict, next as () => unknown, (status) => answer ?? verdict.report({ status }));
  };
}

/** In h3 1 the request is Node's, whose headers are a plain object. */
function isSecond(event: object): event is Second {
  return typeof (event as Partial<Second>).req?.headers?.get === "function";
}

/** What is judged, and what is known of the connection. On Node it is Node's request: mounts of h3 2 shorten the URL of their own. */
function judgedOf(second: Second | undefined, node: NodePair | undefined): [Request | NodeRequest, RequestContext] {
  if (second === undefined) return [node?.req as NodeRequest, OMITTED];
  const { req } = second;
  const waitUntil = typeof req.waitUntil === "function" ? { waitUntil: req.waitUntil.bind(req) as NonNullable<RequestContext["waitUntil"]> } : {};
  return node === undefined ? [req, { peer: req.ip, ...waitUntil }] : [node.req, waitUntil];
}

/** A copy with what the server has added to the request that it was made of, such as `ip`. */
function withExtras<R extends Request>(copy: R, original: R): R {
  for (const name of Object.getOwnPropertyNames(original)) Object.defineProperty(copy, name, Object.getOwnPropertyDescriptor(original, name) as PropertyDescriptor);
  return copy;
}

/** What h3 answers where no handler was found. */
const NOT_FOUND = 404;

async function passed(event: Second, verdict: Verdict, next: () => unknown, report: (status: number) => void): Promise<unknown> {
  try {
    const given = await next();
    const response = given instanceof Response;
    if (!verdict.preflight && !response) tellCaches(event.res.headers, verdict.vary);
    report(response ? given.status : (event.res.status ?? (typeof given === "symbol" ? NOT_FOUND : 200)));
    return response && !verdict.preflight ? withCaching(given, verdict.vary) : given;
  } catch (error) {
    const { status } = error as { status?: unknown };
    report(typeof status === "number" ? status : 500);
    throw error;
  }
}

/** A response of the host's own, for a host that takes none. */
async function plainOf(response: Response): Promise<Reply> {
  return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
}
