/** {@link Guard} for hosts whose handlers take a fetch `Request` and return a `Response`. */
import { Guard, type GuardOptions } from "../guard.js";
import type { RequestContext } from "../types/verifier.js";
import type { Verdict } from "../types/verdict.js";
import { answered, withCaching, withoutIdentity } from "./fetched.js";

/** Options of {@link Protect}. `refuse`, `requirement` and `context` get the request and what the host passes behind it; `verifier` the latter alone. */
export type ProtectOptions<Rest extends unknown[], Asked extends Request = Request> = GuardOptions<[request: Asked, ...rest: Rest], Response | undefined, Rest>;

/** A handler behind the check: it is called for accepted requests only, and for preflights where they may pass. */
export type ProtectedHandler<Rest extends unknown[], Asked extends Request = Request> = (request: Asked, verdict: Verdict, ...rest: Rest) => Response | Promise<Response>;

/**
 * Puts the check in front of a fetch handler.
 *
 * ```ts
 * const handler = protect((request, verdict) => new Response(`hello ${verdict.name}`), { verifier, requirement: { service: "cdn" } });
 * ```
 *
 * The handler sees the request without inbound `X-Edgelatch-*` headers. Its response gets `Cache-Control: private` unless
 * it sets one, and `Vary` on the credential headers. Throws a `TypeError` for options that are not well formed.
 *
 * @param handler gets the request, the verdict, and what stands behind the request
 * @param options what is checked, by which verifier
 * @returns a fetch handler
 */
export type Protect = <Rest extends unknown[], Asked extends Request = Request>(
  handler: ProtectedHandler<Rest, Asked>,
  options: ProtectOptions<Rest, Asked>,
) => (request: Asked, ...rest: Rest) => Promise<Response>;

/** What runtimes answer when a handler throws. */
const UNCAUGHT = 500;

/** Makes {@link Protect} for a runtime, which knows where its handlers find the peer and `waitUntil`. */
export function protectWith(context: (request: Request, rest: readonly unknown[]) => RequestContext): Protect {
  return (handler, options) => {
    const guard = new Guard("protect", options);

    return async (request, ...rest) => {
      const judged = guard.judge(request, context(request, rest), [request, ...rest], rest);
      const verdict = judged instanceof Promise ? await judged : judged;
      const refusal = guard.refusal(verdict);
      if (refusal !== undefined) return answered(guard.own, verdict, refusal, [request, ...rest]);
      try {
        const given = await handler(withoutIdentity(request), verdict, ...rest);
        const response = verdict.preflight ? given : withCaching(given, verdict.vary);
        verdict.report({ status: response.status });
        return response;
      } catch (error) {
        verdict.report({ status: UNCAUGHT });
        throw error;
      }
    };
  };
}
