/** {@link Guard} for hosts whose handlers take a fetch `Request` and return a `Response`. */
import { CACHING, Guard, type GuardOptions, isIdentityHeader, varyWithCredentials } from "../guard.js";
import { responseOf } from "../reply.js";
import type { RequestContext } from "../types/verifier.js";
import type { Verdict } from "../verdict.js";

/** Options of {@link Protect}. */
export type ProtectOptions<Rest extends unknown[]> = GuardOptions<Rest>;

/** A handler behind the check: it is called for accepted requests only, and for preflights where they may pass. */
export type ProtectedHandler<Rest extends unknown[]> = (request: Request, verdict: Verdict, ...rest: Rest) => Response | Promise<Response>;

/**
 * Puts the check in front of a fetch handler.
 *
 * ```ts
 * const handler = protect((request, verdict) => new Response(`hello ${verdict.name}`), { verifier, requirement: { service: "cdn" } });
 * ```
 *
 * The handler sees the request without inbound `X-Edgelatch-*` headers. Its response gets `Cache-Control: private` unless
 * it sets one, and `Vary` on the credential headers. Throws a `TypeError` for options that are not well formed.
 */
export type Protect = <Rest extends unknown[]>(
  handler: ProtectedHandler<Rest>,
  options: ProtectOptions<Rest>,
) => (request: Request, ...rest: Rest) => Promise<Response>;

/** What runtimes answer when a handler throws. */
const UNCAUGHT = 500;

/** Makes {@link Protect} for a runtime, which knows where its handlers find the peer and `waitUntil`. */
export function protectWith(context: (request: Request, rest: readonly unknown[]) => RequestContext): Protect {
  return (handler, options) => {
    const guard = new Guard("protect", options);

    return async (request, ...rest) => {
      const judged = guard.judge(request, context(request, rest), rest);
      const verdict = judged instanceof Promise ? await judged : judged;
      const refusal = guard.refusal(verdict);
      if (refusal !== undefined) return responseOf(refusal);
      try {
        const given = await handler(withoutIdentity(request), verdict, ...rest);
        const response = verdict.ok ? withCaching(given) : given;
        verdict.report({ status: response.status });
        return response;
      } catch (error) {
        verdict.report({ status: UNCAUGHT });
        throw error;
      }
    };
  };
}

function withoutIdentity(request: Request): Request {
  const forged = [...request.headers.keys()].filter(isIdentityHeader);
  if (forged.length === 0) return request;
  const headers = new Headers(request.headers);
  for (const name of forged) headers.delete(name);
  return new Request(request, { headers });
}

/** Where the headers of a response are set. */
function withCaching(response: Response): Response {
  if (response.status === 101) return response; // a WebSocket: no cache, and no copy of it can be made
  const vary = varyWithCredentials(response.headers.get("vary") ?? "");
  const set = ({ headers }: Response) => {
    if (!headers.has("cache-control")) headers.set("cache-control", CACHING["cache-control"]);
    headers.set("vary", vary);
  };
  try {
    set(response);
    return response;
  } catch {
    const copy = new Response(response.body, response); // the headers of a fetched response cannot be changed
    set(copy);
    return copy;
  }
}
