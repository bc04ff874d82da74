/**
 * {@link Guard} for Hono, on Node, Deno, Bun, Workers and wherever else it runs.
 *
 * @module
 */
import { Guard, type GuardOptions } from "../guard.js";
import { targetOf } from "../request/block.js";
import type { NodeRequest, RequestContext } from "../types/verifier.js";
import { own } from "../util/own.js";
import type { Verdict } from "../types/verdict.js";
import { answered, tellCaches, withoutIdentity } from "./fetched.js";
import { type Incoming, stripIdentity } from "./incoming.js";

/** @ts-ignore Hono need not be there: its types are added to where it is. */
declare module "hono" {
  interface ContextVariableMap {
    /** The verdict of the check. */
    edgelatch: Verdict;
  }
}

/** A context of Hono, as far as it is spoken to here. */
export interface HonoContext {
  readonly req: { raw: Request };
  readonly env: unknown;
  readonly res: Response;
  readonly executionCtx: { waitUntil(work: Promise<unknown>): void };
  get(key: "edgelatch"): Verdict | undefined;
  set(key: "edgelatch", verdict: Verdict): void;
  header(name: string, value: string): void;
}

/** Options of {@link check}. `refuse`, `requirement`, `context` and a function that makes the verifier get the context. */
export type CheckOptions<Context extends HonoContext = HonoContext> = GuardOptions<[c: Context], Response | undefined>;

/**
 * Middleware that lets accepted requests pass, with `c.get("edgelatch")`.
 *
 * ```ts
 * app.use(check({ verifier, requirement: { permission: "zone.view" } }));
 * ```
 *
 * On Node (`@hono/node-server`) header lines are judged as they were received; elsewhere Hono has them joined, and two of one credential are refused.
 * What `refuse` throws goes to `app.onError`. Throws a `TypeError` for options that are not well formed.
 *
 * @param options what is checked, by which verifier
 * @returns middleware, for `app.use` or one route
 */
export function check<Context extends HonoContext = HonoContext>(options: CheckOptions<Context>): (c: HonoContext, next: () => Promise<void>) => Promise<Response | undefined> {
  const guard = new Guard("check", options);

  return async (given, next) => {
    const c = given as Context;
    const incoming = incomingOf(c.env);
    const { raw } = c.req;
    const judged = guard.judge(incoming === undefined ? raw : asRouted(raw, incoming), connectionOf(c), [c]);
    const verdict = judged instanceof Promise ? await judged : judged;
    verdict.supersede(c.get("edgelatch")); // of a check before this one
    const refusal = guard.refusal(verdict);
    if (refusal !== undefined) return answered(guard.own, verdict, refusal, [c]);
    if (incoming !== undefined) stripIdentity(incoming);
    c.req.raw = withoutIdentity(raw);
    c.set("edgelatch", verdict);
    await next(); // what handlers throw, Hono has answered by now
    const { status, headers } = c.res;
    if (!verdict.preflight && status !== SWITCHED) tellCaches({ has: (name) => headers.has(name), get: (name) => headers.get(name), set: (name, value) => c.header(name, value) }, verdict.vary);
    verdict.report({ status });
    return undefined;
  };
}

/** Switching Protocols: a WebSocket, to whose response nothing can be added. */
const SWITCHED = 101;

/** What hosts give as `env`: Node's request, Deno's connection, Bun's server (or an object with it), or the bindings of Workers. */
interface Env {
  readonly incoming?: Incoming;
  readonly remoteAddr?: { readonly hostname?: string };
  readonly server?: BunServer;
  readonly requestIP?: BunServer["requestIP"];
}
type BunServer = { requestIP(request: Request): { readonly address: string } | null };

function incomingOf(env: unknown): Incoming | undefined {
  const incoming = own(env as Env | undefined, "incoming");
  return Array.isArray(incoming?.rawHeaders) ? incoming : undefined;
}

/** Method and target as Hono routes by them, header lines and connection as Node has them. */
function asRouted(raw: Request, { rawHeaders, headers, socket }: Incoming): NodeRequest {
  return { method: raw.method, url: targetOf(raw.url), rawHeaders: rawHeaders as string[], headers, socket };
}

function connectionOf(c: HonoContext): RequestContext {
  const waitUntil = waitUntilOf(c);
  const env = c.env as Env | undefined;
  if (incomingOf(env) !== undefined) return { waitUntil };
  const server = own(env, "server") ?? (own(env, "requestIP") === undefined ? undefined : (env as BunServer));
  const peer: unknown = typeof server?.requestIP === "function" ? server.requestIP(c.req.raw)?.address : own(own(env, "remoteAddr"), "hostname");
  return { peer: typeof peer === "string" ? peer : undefined, waitUntil }; // a binding may have any name
}

/** Hono throws where the host has given it no such context. */
function waitUntilOf(c: HonoContext): RequestContext["waitUntil"] {
  try {
    const context = c.executionCtx;
    return typeof context.waitUntil === "function" ? (work) => context.waitUntil(work) : undefined;
  } catch {
    return undefined;
  }
}
