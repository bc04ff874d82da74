/** {@link Guard} for hosts whose handlers take Node's `IncomingMessage` and `ServerResponse`: `http`, `http2`, Connect, Express. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { CACHING, Guard, type GuardOptions, isIdentityHeader, varyWithCredentials } from "../guard.js";
import type { Reply } from "../reply.js";
import type { Verifier } from "../types/verifier.js";
import { OMITTED } from "../util/own.js";
import type { Verdict } from "../verdict.js";

declare module "node:http" {
  interface IncomingMessage {
    /** The verdict of the middleware: accepted, or a preflight that may pass. */
    edgelatch?: Verdict;
  }
}

/** Options of {@link middleware}. */
export interface MiddlewareOptions extends GuardOptions {
  /** The verifier. */
  readonly verifier: Verifier;
}

/** What Node's `http`, Connect and Express call. It returns a promise where it had to wait for a refresh. */
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
 * `Vary` on the credential headers. Throws a `TypeError` for options that are not well formed.
 */
export function middleware(options: MiddlewareOptions): Middleware {
  const guard = new Guard("middleware", options);

  const enter = (verdict: Verdict, request: IncomingMessage, response: ServerResponse, next: () => void) => {
    verdict.supersede(request.edgelatch); // of a middleware before this one
    const refusal = guard.refusal(verdict);
    if (refusal !== undefined) return send(response, refusal);
    stripIdentity(request);
    request.edgelatch = verdict;
    if (guard.reports) reportWhenDone(response, verdict);
    if (verdict.ok) forbidSharedCaching(response);
    next();
  };
  return (request, response, next) => {
    const judged = guard.judge(request, OMITTED, NO_ARGUMENTS);
    if (!(judged instanceof Promise)) return enter(judged, request, response, next);
    return judged.then((verdict) => enter(verdict, request, response, next)); // Express 5 answers for what is thrown in there
  };
}

function send(response: ServerResponse, { status, headers, body }: Reply): void {
  if (response.headersSent) return; // somebody else, such as a time limit, has answered while a refresh was waited for
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) }).end(body);
}

/** A verifier is given here, never made out of arguments. One array for all requests. */
const NO_ARGUMENTS: [] = [];

/** The client was gone before an answer was. */
const CLOSED_BY_CLIENT = 499;

function reportWhenDone(response: ServerResponse, verdict: Verdict): void {
  const report = () => verdict.report({ status: response.headersSent ? response.statusCode : CLOSED_BY_CLIENT });
  response.once("finish", report).once("close", report);
}

/** The derived views go first: Node makes each when it is first asked for, and counts on the raw lines it began with. */
function stripIdentity(request: IncomingMessage): void {
  const { rawHeaders } = request;
  if (!rawHeaders.some((text, i) => i % 2 === 0 && isIdentityHeader(text))) return;
  for (const view of [request.headers, request.headersDistinct]) {
    for (const name of Object.keys(view ?? {})) if (isIdentityHeader(name)) delete view[name];
  }
  for (let i = rawHeaders.length - 2; i >= 0; i -= 2) if (isIdentityHeader(rawHeaders[i] as string)) rawHeaders.splice(i, 2);
}

/** Where the headers of a response are set: at the moment when they are written, so that nothing of the handler's is overruled. */
function forbidSharedCaching(response: ServerResponse): void {
  const { writeHead } = response;
  response.writeHead = ((status: number, ...rest: unknown[]) => {
    const reason = typeof rest[0] === "string" ? rest[0] : undefined;
    const headers = rest[1] ?? (reason === undefined ? rest[0] : undefined);
    for (const [name, values] of given(headers)) response.setHeader(name, values.length === 1 ? (values[0] as string) : values);
    if (!response.hasHeader("cache-control")) response.setHeader("Cache-Control", CACHING["cache-control"]);
    response.setHeader("Vary", varyWithCredentials([response.getHeader("vary") ?? []].flat().join(", ")));
    response.writeHead = writeHead;
    return Reflect.apply(writeHead, response, reason === undefined ? [status] : [status, reason]);
  }) as ServerResponse["writeHead"];
}

/** The headers argument of `writeHead`: an object, a flat array or pairs. */
function given(headers: unknown): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const add = (name: unknown, value: unknown) => {
    const key = String(name).toLowerCase();
    found.set(key, [...(found.get(key) ?? []), ...[value].flat().map(String)]);
  };
  if (!Array.isArray(headers)) for (const [name, value] of Object.entries(headers ?? {})) value !== undefined && add(name, value);
  else if (Array.isArray(headers[0])) for (const [name, value] of headers) add(name, value);
  else for (let i = 0; i + 1 < headers.length; i += 2) add(headers[i], headers[i + 1]);
  return found;
}
