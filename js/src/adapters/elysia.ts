/**
 * {@link Guard} for Elysia, on Bun and wherever else it runs.
 *
 * @module
 */
import { Guard, type GuardOptions, isIdentityHeader } from "../guard.js";
import type { Verdict } from "../types/verdict.js";
import { answered, tellCaches, withoutIdentity } from "./fetched.js";

/** A context of Elysia, as far as it is spoken to here. */
export interface ElysiaContext {
  readonly request: Request;
  /** What Elysia has read of the request by now: nothing yet in `onRequest`. */
  readonly headers?: Record<string, string | undefined>;
  /** Bun's server, which knows the address of the other end. */
  readonly server?: { requestIP?(request: Request): { readonly address: string } | null } | null;
  readonly set: { readonly status?: number | string; readonly headers: Record<string, any> };
  edgelatch?: Verdict;
}

/** Options of {@link check}. `refuse`, `requirement`, `context` and a function that makes the verifier get Elysia's context. */
export type CheckOptions<Context extends ElysiaContext = ElysiaContext> = GuardOptions<[context: Context], Response | undefined>;

/** Hooks of Elysia, for a `guard` or for one route. */
export interface Hooks {
  /** Judges, and answers what may not pass. Also for `onRequest`, which comes before anything of a body is read. */
  beforeHandle(context: ElysiaContext): Promise<Response | undefined>;
  /** Tells caches what they may keep. */
  mapResponse(context: ElysiaContext & { readonly responseValue: unknown }): Response | undefined;
  /** Reports what was answered. */
  afterResponse(context: ElysiaContext & { readonly responseValue: unknown }): void;
}

/**
 * Hooks that let accepted requests pass, with `context.edgelatch`.
 *
 * ```ts
 * app.guard(check({ verifier, requirement: { permission: "zone.view" } })).resolve(verdict).get("/", ({ edgelatch }) => edgelatch.name);
 * ```
 *
 * Elysia has joined header lines, and two of one credential are refused. What `refuse` throws goes to `onError`. Throws a `TypeError` for options that are
 * not well formed.
 *
 * @param options what is checked, by which verifier
 * @returns hooks: `guard` takes them for all routes that follow, a route for itself
 */
export function check<Context extends ElysiaContext = ElysiaContext>(options: CheckOptions<Context>): Hooks {
  const guard = new Guard("check", options);
  /** Verdicts of this check over requests that pass: where it stands in `onRequest` too, that was its judgement. */
  const passed = new WeakSet<Verdict>();

  // Elysia reads the source of each hook: it goes on at once after what is not `async`, drops the answer of what does not say `return`, and fills in only what it
  // sees named of a context, which is why none is handed on as a whole.
  return {
    beforeHandle: async (context) => {
      const { request } = context;
      if (context.edgelatch !== undefined && passed.has(context.edgelatch)) {
        withoutForged(context.headers); // read since
        return undefined;
      }
      const known = [context as Context] as [Context];
      const judged = guard.judge(request, { peer: context.server?.requestIP?.(request)?.address }, known);
      const verdict = judged instanceof Promise ? await judged : judged;
      verdict.supersede(context.edgelatch); // of a check before this one
      const refusal = guard.refusal(verdict);
      if (refusal !== undefined) return answered(guard.own, verdict, refusal, known);
      const clean = withoutIdentity(request);
      if (clean !== request) (context as { request: Request }).request = clean;
      withoutForged(context.headers);
      // Before the handler: a hook of the application may answer in the place of `mapResponse`.
      if (!verdict.preflight) tellCaches(recordOf(context.set.headers), verdict.vary);
      passed.add(verdict);
      context.edgelatch = verdict;
      return undefined;
    },
    mapResponse: (context) => {
      const { edgelatch: verdict, responseValue: value } = context;
      const ours = recordOf(context.set.headers);
      if (verdict === undefined || verdict.preflight) return undefined; // a refusal says it itself
      if (value instanceof Response && value.headers.has("vary")) return withVary(value, ours, verdict.vary);
      const theirs = value instanceof Response ? value.headers : undefined; // Elysia adds to them what is set, where they have nothing of the name
      tellCaches({ ...ours, has: (name) => ours.has(name) || theirs?.has(name) === true }, verdict.vary);
      return undefined;
    },
    afterResponse: (context) => {
      const { responseValue: value } = context;
      const status = value instanceof Response && value.status !== OK ? value.status : context.set.status;
      context.edgelatch?.report({ status: typeof status === "number" ? status : OK });
    },
  };
}

/** What Elysia answers where nobody says anything. */
const OK = 200;

/** Takes away what is forged in headers that Elysia has read. */
function withoutForged(headers: Record<string, string | undefined> | undefined): void {
  if (headers !== undefined) for (const name of Object.keys(headers)) if (isIdentityHeader(name)) delete headers[name];
}

/**
 * For `resolve`: tells TypeScript of `edgelatch` in the contexts of handlers that follow a {@link check}.
 *
 * @param context of a request that has passed
 * @returns what is added to it
 */
export function verdict(context: { readonly request: Request }): { edgelatch: Verdict } {
  return { edgelatch: (context as { edgelatch?: Verdict }).edgelatch as Verdict };
}

/** A response that has a `Vary` of its own, with ours in it. */
function withVary(response: Response, set: ReturnType<typeof recordOf>, vary: string): Response {
  const headers = new Headers(response.headers);
  const said = set.get("cache-control");
  if (said !== null && !headers.has("cache-control")) headers.set("cache-control", said);
  tellCaches(headers, vary);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

/** Headers that a handler has set, by whatever case, as `Headers` would have them. */
function recordOf(record: Record<string, any>): Pick<Headers, "has" | "get" | "set"> {
  const named = (name: string) => Object.keys(record).find((key) => key.toLowerCase() === name) ?? name;
  return {
    has: (name) => record[named(name)] !== undefined,
    get: (name) => (record[named(name)] as string | undefined) ?? null,
    set: (name, value) => (record[named(name)] = value),
  };
}
