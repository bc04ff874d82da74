/**
 * {@link Protect} for Next: route handlers (`app/…/route.ts`) and middleware. Handlers of `pages/api` are Node's: see `edgelatch/node`.
 *
 * Next tells handlers nothing of the connection, and sets `X-Forwarded-For` itself only where none came in: without the option `clientIp` of the
 * verifier, or `context`, no address is known. It has also joined header lines of one name, and of two `Authorization` lines the second is gone
 * before any handler runs.
 *
 * ```ts
 * export const GET = protect((request, verdict, { params }: Context) => Response.json({ hello: verdict.name }), { verifier });
 * ```
 *
 * In middleware, which Next 16 calls `proxy`, the handler says that the request goes on, with the headers that the check left:
 *
 * ```ts
 * export const middleware = protect((request: NextRequest) => NextResponse.next({ request: { headers: request.headers } }), { verifier });
 * ```
 *
 * @module
 */
import { protectWith } from "./protect.js";

export type { Protect, ProtectedHandler, ProtectOptions } from "./protect.js";

/** Puts the check in front of a route handler, or of middleware. */
export const protect = protectWith((_request, [event]) => {
  const waitUntil = (event as { waitUntil?: (work: Promise<unknown>) => void } | undefined)?.waitUntil;
  return typeof waitUntil === "function" ? { waitUntil: (work) => waitUntil.call(event, work) } : {};
});
