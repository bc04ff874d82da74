/** {@link Guard} for hosts whose handlers take Node's `IncomingMessage` and `ServerResponse`: `http`, `http2`, Connect, Express, Nest on Express. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Guard, type GuardOptions } from "../guard.js";
import { OMITTED } from "../util/own.js";
import type { Verdict } from "../types/verdict.js";
import { admit, answerOwn, send } from "./incoming.js";

export type { Incoming } from "./incoming.js"; // with what it adds to Node's own
export { upgrade, type Upgrade, type UpgradeOptions } from "./upgrade.js";

/** Options of {@link middleware}. `refuse`, `requirement`, `context` and a function that makes the verifier get request and response. */
export type MiddlewareOptions<Request extends IncomingMessage = IncomingMessage, Response extends ServerResponse = ServerResponse> = GuardOptions<
  [request: Request, response: Response]
>;

/** What Node's `http`, Connect and Express call. It returns a promise where it had to wait: for a refresh, or for an answer of the host's own. */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void | Promise<void>;

/**
 * Puts the check in front of a Node handler; works with `http`, `http2`, Connect and Express.
 *
 * ```ts
 * app.use(middleware({ verifier, requirement: { permission: "zone.view" } }));
 * ```
 *
 * `next` is called for accepted requests only (and preflights where they may pass), with `request.edgelatch` set and
 * inbound `X-Edgelatch-*` headers gone. The response gets `Cache-Control: private` unless the handler sets one, and
 * `Vary` on the credential headers. What the host's own functions throw goes to the `next` of Connect and Express as an error. Throws a
 * `TypeError` for options that are not well formed.
 *
 * @param options what is checked, by which verifier
 * @returns a function of request, response and `next`, or, without `next`, of a handler's own
 */
export function middleware<Request extends IncomingMessage = IncomingMessage, Response extends ServerResponse = ServerResponse>(
  options: MiddlewareOptions<Request, Response>,
): Middleware {
  const guard = new Guard("middleware", options);

  const enter = (verdict: Verdict, request: Request, response: Response, next: () => void): void | Promise<void> => {
    verdict.supersede(request.edgelatch); // of a middleware before this one
    const refusal = guard.refusal(verdict);
    if (refusal === undefined) {
      admit(verdict, request, response, guard.reports);
      return next();
    }
    const { own } = guard;
    if (own === undefined) return send(response, refusal);
    return answerOwn(() => own(verdict, request, response), verdict, response, () => send(response, refusal)).catch(failing(next));
  };
  return ((request: Request, response: Response, next: () => void) => {
    if (request?.rawHeaders === undefined && request?.socket !== undefined) request.rawHeaders = []; // mocks for tests (node-mocks-http): `headers` says it all
    const judged = guard.judge(request, OMITTED, [request, response]);
    if (!(judged instanceof Promise)) return enter(judged, request, response, next);
    return judged.then((verdict) => enter(verdict, request, response, next), failing(next)); // Express 5 answers for what is thrown in there
  }) as Middleware;
}

/**
 * What becomes of an error: it goes to the framework's own `next`, which leads to no handler. A callback of any other form might be the handler
 * itself, called without a look at its argument: it is not called at all, and the promise rejects.
 */
function failing(next: ((error: unknown) => void) | (() => void)): (error: unknown) => void {
  return (error) => {
    if (next.length !== 1 || next.name !== "next") throw error;
    next(error instanceof Error ? error : new Error(String(error))); // `next("route")` would go on
  };
}
