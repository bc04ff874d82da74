/** What adapters over fetch's requests and responses do with them. */
import { CACHING, type GuardOptions, isIdentityHeader, varyWithCredentials } from "../guard.js";
import { type Reply, responseOf } from "../reply.js";
import type { Verdict } from "../types/verdict.js";

/** The response to a refused request: the host's own, if it has one, or the usual one. Rejects with what the host throws. */
export async function answered<Host extends unknown[]>(own: GuardOptions<Host, Response | undefined>["refuse"], verdict: Verdict, refusal: Reply, host: Host): Promise<Response> {
  const response = await own?.(verdict, ...host);
  if (response === undefined) {
    verdict.report();
    return responseOf(refusal);
  }
  verdict.report({ status: response.status });
  return changed(response, (headers) => headers.has("cache-control") || headers.set("cache-control", "no-store"));
}

/** The request without what is forged in it. */
export function withoutIdentity<R extends Request>(request: R): R {
  const forged: string[] = [];
  for (const name of request.headers.keys()) if (isIdentityHeader(name)) forged.push(name);
  if (forged.length === 0) return request;
  try {
    for (const name of forged) request.headers.delete(name);
    return request; // of the class that the host made it of
  } catch {
    // runtimes whose requests cannot be changed
  }
  const headers = new Headers(request.headers);
  for (const name of forged) headers.delete(name);
  return new Request(request, { headers }) as R;
}

/** The response with what caches are told, where its handler says nothing else. */
export function withCaching(response: Response, vary: string): Response {
  if (response.status === 101) return response; // a WebSocket: no cache, and no copy of it can be made
  return changed(response, (headers) => tellCaches(headers, vary));
}

/** Where the headers of a response are set. */
function changed(response: Response, change: (headers: Headers) => void): Response {
  try {
    change(response.headers);
    return response;
  } catch {
    const copy = new Response(response.body, response); // the headers of a fetched response cannot be changed
    change(copy.headers);
    return copy;
  }
}

/** Sets what caches are told, where nothing else is said. */
export function tellCaches(headers: Pick<Headers, "has" | "get" | "set">, vary: string): void {
  if (!headers.has("cache-control")) headers.set("cache-control", CACHING["cache-control"]);
  headers.set("vary", varyWithCredentials(headers.get("vary") ?? "", vary));
}
