/** Which objects are requests, and where frameworks keep theirs. */
import { RequestError } from "../errors.js";
import type { NodeRequest } from "../types/verifier.js";
import { INHERITED, ownValue } from "../util/own.js";

/** A request that has its header lines as they were received. */
export function isNode(request: unknown): request is NodeRequest {
  return ownValue(request as object, "rawHeaders", (request as NodeRequest).rawHeaders, INHERITED.rawHeaders) !== undefined;
}

/** Whether these are of a fetch request, which no framework's own object passes for: those have their headers by name, or have none. */
export function isFetched(url: unknown, headers: Headers | undefined): url is string {
  return typeof url === "string" && typeof headers?.get === "function";
}

/** Where the request lies in the objects that frameworks give to handlers: of Fastify; Express, Koa and h3; Hono; Hapi; h3 1; Elysia. */
const PLACES = ["raw", "req", "req.raw", "raw.req", "node.req", "request", "request.raw", "context.req"] as const;

/** The error that says what to give instead of an object that is no request. Nothing in it comes from the object. */
export function notARequest(given: unknown): RequestError {
  const place = PLACES.find((path) => isRequest(path.split(".").reduce((holder: unknown, name) => (holder as Record<string, unknown> | null | undefined)?.[name], given)));
  if (place !== undefined) return new RequestError(`this object is the framework's; its request is \`.${place}\``);
  const what = given === null || given === undefined ? String(given) : `a value of type ${typeof given}`;
  return new RequestError(`${what} is no request; give a fetch Request, a Node IncomingMessage, or an object with method, url and rawHeaders (Fastify: \`request.raw\`, Koa: \`ctx.req\`, Hono: \`c.req.raw\`)`);
}

function isRequest(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { headers, url } = value as Request;
  return isNode(value) || isFetched(url, headers);
}
