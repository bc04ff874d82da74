/**
 * {@link Guard} for Fastify 4 and 5, and for Nest on Fastify.
 *
 * @module
 */
import { Guard, type GuardOptions } from "../guard.js";
import type { Reply } from "../reply.js";
import { OMITTED } from "../util/own.js";
import type { Verdict } from "../types/verdict.js";
import { admit, answerOwn, type Incoming, type Outgoing } from "./incoming.js";

/** @ts-ignore Fastify need not be there: its types are added to where it is. */
declare module "fastify" {
  interface FastifyRequest {
    /** The verdict of the check. */
    edgelatch?: Verdict;
  }
}

/** A Fastify request, as far as it is spoken to here. */
export interface HookRequest {
  /** Node's request, whose header lines are judged. */
  readonly raw: Incoming & { originalUrl?: string | undefined };
  /** The target as it was received, before `rewriteUrl`. */
  readonly originalUrl: string;
  edgelatch?: Verdict;
}

/** A Fastify reply, as far as it is spoken to here. */
export interface HookReply {
  readonly raw: Outgoing;
  readonly sent: boolean;
  code(status: number): unknown;
  headers(headers: Record<string, string>): unknown;
  send(body?: string): unknown;
}

/** Options of {@link check}. `refuse`, `requirement`, `context` and a function that makes the verifier get request and reply. */
export type CheckOptions<Request extends HookRequest = HookRequest, Answer extends HookReply = HookReply> = GuardOptions<[request: Request, reply: Answer]>;

/** A hook of Fastify, for `onRequest`. */
export type Hook = (request: HookRequest, reply: HookReply, done: (error?: Error) => void) => void;

/**
 * A hook that lets accepted requests pass, with `request.edgelatch`: for all routes by `app.addHook("onRequest", …)`, in one by its option `onRequest`.
 *
 * ```ts
 * app.addHook("onRequest", check({ verifier, requirement: { permission: "zone.view" } }));
 * ```
 *
 * What `refuse` throws goes to the error handler. A `refuse` that sends a reply returns it. Throws a `TypeError` for options that are not well formed.
 *
 * @param options what is checked, by which verifier
 * @returns a hook for `onRequest`
 */
export function check<Request extends HookRequest = HookRequest, Answer extends HookReply = HookReply>(options: CheckOptions<Request, Answer>): Hook {
  const guard = new Guard("check", options);

  const enter = (verdict: Verdict, request: Request, reply: Answer, done: (error?: Error) => void) => {
    verdict.supersede(request.edgelatch); // of a check before this one
    const refusal = guard.refusal(verdict);
    if (refusal === undefined) {
      admit(verdict, request.raw, reply.raw, guard.reports);
      request.edgelatch = verdict;
      return done();
    }
    const { own } = guard;
    if (own === undefined) return send(reply, refusal);
    answerOwn(() => own(verdict, request, reply), verdict, reply.raw, () => send(reply, refusal)).catch(failing(done));
  };
  return ((request: Request, reply: Answer, done: (error?: Error) => void) => {
    request.raw.originalUrl ??= request.originalUrl; // the name by which Connect and Express know it
    const judged = guard.judge(request.raw, OMITTED, [request, reply]);
    if (!(judged instanceof Promise)) return enter(judged, request, reply, done);
    judged.then((verdict) => enter(verdict, request, reply, done)).catch(failing(done));
  }) as Hook;
}

/** Through Fastify, so that its own hooks see the reply, which add headers for CORS and the like. */
function send(reply: HookReply, { status, headers, body }: Reply): void {
  if (reply.sent) return; // somebody else, such as a time limit, has answered while a refresh was waited for
  reply.code(status);
  reply.headers(headers);
  reply.send(body === "" ? undefined : body);
}

function failing(done: (error: Error) => void): (error: unknown) => void {
  return (error) => done(error instanceof Error ? error : new Error(String(error)));
}
