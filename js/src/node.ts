import type { IncomingMessage, ServerResponse } from "node:http";
import { IDENTITY_PREFIX, varyWithCredentials } from "./cache.js";
import { FREE, type Options, optionsOf } from "./options.js";
import { option } from "./own.js";
import type { AnyRequirement, Verifier } from "./types.js";
import type { Verdict } from "./verdict.js";

declare module "node:http" {
  interface IncomingMessage {
    /** The verdict of the middleware: accepted, or a preflight that may pass. */
    edgelatch?: Verdict;
  }
}

/** Options of {@link middleware}. */
export interface MiddlewareOptions {
  /** The verifier. */
  readonly verifier: Verifier;
  /** What every request must fulfil. Left out: nothing more than a valid key. `undefined` is a configuration error. */
  readonly requirement?: AnyRequirement;
}

/** A requirement that is `undefined` is answered as one: with `bad_requirement`. */
const OPTIONS: Options<MiddlewareOptions> = { verifier: FREE, requirement: FREE };

/** What Node's `http`, Connect and Express call. */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

/**
 * Puts the check in front of a Node handler; works with `http`, Connect and Express.
 *
 * `next` is called for accepted requests only (and preflights where they may pass), with `request.edgelatch` set and
 * inbound `X-Edgelatch-*` headers gone. The response gets `Cache-Control: private` unless the handler sets one, and
 * `Vary` on the credential headers.
 */
export function middleware(given: MiddlewareOptions): Middleware {
  const options = optionsOf("middleware", given, OPTIONS);
  const { verifier } = options;
  const requirement = option(options, "requirement") as AnyRequirement;

  const judge: Middleware = (request, response, next) => {
    const verdict = verifier.verify(request, requirement).hold();
    if (!verdict.ok && !verdict.preflight) {
      const { status, headers, body } = verdict.reply;
      response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) }).end(body);
      verdict.report();
      return;
    }
    stripIdentity(request);
    request.edgelatch = verdict;
    if (verifier.usage !== undefined) reportWhenDone(response, verdict);
    if (verdict.ok) forbidSharedCaching(response);
    next();
  };
  return (request, response, next) => {
    if (verifier.overdue) void verifier.load().then(() => judge(request, response, next));
    else judge(request, response, next);
  };
}

/** The client was gone before an answer was. */
const CLOSED_BY_CLIENT = 499;

function reportWhenDone(response: ServerResponse, verdict: Verdict): void {
  const report = () => verdict.report({ status: response.headersSent ? response.statusCode : CLOSED_BY_CLIENT });
  response.once("finish", report).once("close", report);
}

/** The derived views go first: Node makes each when it is first asked for, and counts on the raw lines it began with. */
function stripIdentity(request: IncomingMessage): void {
  const { rawHeaders } = request;
  const forged = (name: string) => name.toLowerCase().startsWith(IDENTITY_PREFIX);
  if (!rawHeaders.some((text, i) => i % 2 === 0 && forged(text))) return;
  for (const view of [request.headers, request.headersDistinct]) {
    for (const name of Object.keys(view ?? {})) if (forged(name)) delete view[name];
  }
  for (let i = rawHeaders.length - 2; i >= 0; i -= 2) if (forged(rawHeaders[i] as string)) rawHeaders.splice(i, 2);
}

/** Waits for the moment when the headers are written, so that nothing the handler sets is lost or overruled. */
function forbidSharedCaching(response: ServerResponse): void {
  const { writeHead } = response;
  response.writeHead = ((status: number, ...rest: unknown[]) => {
    const reason = typeof rest[0] === "string" ? rest[0] : undefined;
    const headers = rest[1] ?? (reason === undefined ? rest[0] : undefined);
    for (const [name, values] of given(headers)) response.setHeader(name, values.length === 1 ? (values[0] as string) : values);
    if (!response.hasHeader("cache-control")) response.setHeader("Cache-Control", "private");
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
