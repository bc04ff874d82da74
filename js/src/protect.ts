import { IDENTITY_PREFIX, varyWithCredentials } from "./cache.js";
import { FREE, type Options, optionsOf } from "./options.js";
import { option } from "./own.js";
import type { AnyRequirement, RequestContext, Verifier } from "./types.js";
import type { Verdict } from "./verdict.js";

/** Options of {@link Protect}. */
export interface ProtectOptions<Rest extends unknown[]> {
  /** The verifier, or what makes it out of the handler's further arguments at the first request, such as `env`. */
  readonly verifier: Verifier | ((...rest: Rest) => Verifier | Promise<Verifier>);
  /** What every request must fulfil. Left out: nothing more than a valid key. `undefined` is a configuration error. */
  readonly requirement?: AnyRequirement;
}

/** A requirement that is `undefined` is answered as one: with `bad_requirement`. */
const OPTIONS: Options<ProtectOptions<unknown[]>> = { verifier: FREE, requirement: FREE };

/** A handler behind the check: it is called for accepted requests only, and for preflights where they may pass. */
export type ProtectedHandler<Rest extends unknown[]> = (request: Request, verdict: Verdict, ...rest: Rest) => Response | Promise<Response>;

/**
 * Puts the check in front of a fetch handler.
 *
 * The handler sees the request without inbound `X-Edgelatch-*` headers. Its response gets `Cache-Control: private` unless
 * it sets one, and `Vary` on the credential headers.
 */
export type Protect = <Rest extends unknown[]>(
  handler: ProtectedHandler<Rest>,
  options: ProtectOptions<Rest>,
) => (request: Request, ...rest: Rest) => Promise<Response>;

/** Makes {@link Protect} for a runtime, which knows where its handlers find the peer and `waitUntil`. */
export function protectWith(context: (request: Request, rest: readonly unknown[]) => RequestContext): Protect {
  return (handler, given) => {
    const options = optionsOf("protect", given, OPTIONS as Options<typeof given>);
    const requirement = option(options, "requirement") as AnyRequirement;
    let made: Verifier | Promise<Verifier> | undefined;

    return async (request, ...rest) => {
      if (made === undefined) {
        const { verifier } = options;
        made = typeof verifier === "function" ? Promise.resolve(verifier(...rest)) : verifier;
        if (made instanceof Promise) made.catch(() => (made = undefined));
      }
      const latch = made instanceof Promise ? (made = await made) : made;
      const known = context(request, rest);
      if (latch.overdue) await latch.load(known.waitUntil);
      const verdict = latch.verify(request, requirement, known).hold();
      if (!verdict.ok && !verdict.preflight) {
        verdict.report();
        return verdict.response();
      }
      try {
        const given = await handler(withoutIdentity(request), verdict, ...rest);
        const response = verdict.ok ? uncached(given) : given;
        verdict.report({ status: response.status });
        return response;
      } catch (error) {
        verdict.report({ status: UNCAUGHT });
        throw error;
      }
    };
  };
}

/** What runtimes answer when a handler throws. */
const UNCAUGHT = 500;

function withoutIdentity(request: Request): Request {
  const forged = [...request.headers.keys()].filter((name) => name.toLowerCase().startsWith(IDENTITY_PREFIX));
  if (forged.length === 0) return request;
  const headers = new Headers(request.headers);
  for (const name of forged) headers.delete(name);
  return new Request(request, { headers });
}

function uncached(response: Response): Response {
  if (response.status === 101) return response; // a WebSocket: no cache, and no copy of it can be made
  const vary = varyWithCredentials(response.headers.get("vary") ?? "");
  const set = ({ headers }: Response) => {
    if (!headers.has("cache-control")) headers.set("cache-control", "private");
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
