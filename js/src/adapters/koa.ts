/**
 * {@link Guard} for Koa 2 and 3.
 *
 * @module
 */
import { Guard, type GuardOptions } from "../guard.js";
import type { Reply } from "../reply.js";
import { OMITTED } from "../util/own.js";
import type { Verdict } from "../types/verdict.js";
import { admit, type Incoming, type Outgoing, reportWhenDone } from "./incoming.js";

/** @ts-ignore Koa need not be there: its types are added to where it is. */
declare module "koa" {
  interface DefaultState {
    /** The verdict of the check. */
    edgelatch?: Verdict;
  }
}

/** A Koa context, as far as it is spoken to here. */
export interface KoaContext {
  /** Node's request, whose header lines are judged. */
  readonly req: Incoming & { originalUrl?: string | undefined };
  readonly res: Outgoing;
  /** The target as it was received, which mounts shorten elsewhere. */
  readonly originalUrl: string;
  state: { edgelatch?: Verdict };
  body: unknown;
  status: number;
  respond?: boolean | undefined;
  set(headers: Record<string, string>): void;
  remove(header: string): void;
}

/** Options of {@link check}. `refuse`, `requirement`, `context` and a function that makes the verifier get the context. */
export type CheckOptions<Context extends KoaContext = KoaContext> = GuardOptions<[ctx: Context]>;

/**
 * Middleware that lets accepted requests pass, with `ctx.state.edgelatch`.
 *
 * ```ts
 * app.use(check({ verifier, requirement: { permission: "zone.view" } }));
 * ```
 *
 * What `refuse` throws, as by `ctx.throw`, goes to Koa. Throws a `TypeError` for options that are not well formed.
 *
 * @param options what is checked, by which verifier
 * @returns middleware, for `app.use` or a router
 */
export function check<Context extends KoaContext = KoaContext>(options: CheckOptions<Context>): (ctx: KoaContext, next: () => Promise<unknown>) => Promise<void> {
  const guard = new Guard("check", options);

  return async (given, next) => {
    const ctx = given as Context;
    const { req, res } = ctx;
    req.originalUrl ??= ctx.originalUrl; // the name by which Connect and Express know it
    const judged = guard.judge(req, OMITTED, [ctx]);
    const verdict = judged instanceof Promise ? await judged : judged;
    verdict.supersede(ctx.state.edgelatch); // of a check before this one
    const refusal = guard.refusal(verdict);
    if (refusal !== undefined) return refuse(guard, ctx, verdict, refusal);
    admit(verdict, req, res, guard.reports);
    ctx.state.edgelatch = verdict;
    await next();
  };
}

/** What Koa answers as long as nobody has set anything. */
const UNANSWERED = 404;

async function refuse<Context extends KoaContext>({ own }: Guard<[ctx: Context]>, ctx: Context, verdict: Verdict, refusal: Reply): Promise<void> {
  if (own !== undefined) {
    reportWhenDone(ctx.res, verdict);
    ctx.set({ "cache-control": "no-store" });
    await own(verdict, ctx);
    if (ctx.respond === false || ctx.status !== UNANSWERED || (ctx.body !== undefined && ctx.body !== null)) return;
  }
  answer(ctx, refusal);
}

/** The body goes first: it decides on status and type where nothing else does. */
function answer(ctx: KoaContext, { status, headers, body }: Reply): void {
  ctx.body = body;
  ctx.status = status;
  ctx.set(headers);
  if (body === "") ctx.remove("content-length"); // that of the reply to GET is not known
}
