/** What adapters over Node's requests and responses do with them, whatever their framework makes of these. */
import type { ServerResponse } from "node:http";
import { isIdentityHeader } from "../guard.js";
import type { Reply } from "../reply.js";
import type { NodeRequest } from "../types/verifier.js";
import type { Verdict } from "../types/verdict.js";
import { tellCaches } from "./caching.js";

declare module "node:http" {
  interface IncomingMessage {
    /** The verdict of the check: accepted, a preflight that may pass, or, where a credential is optional, a request without one. */
    edgelatch?: Verdict;
  }
}

/** A request of Node's `http` or `http2`, as far as it is read and changed here. */
export interface Incoming extends NodeRequest {
  readonly headersDistinct?: object | undefined;
  edgelatch?: Verdict;
}

/** A response of Node's `http` or `http2`, as far as it is spoken to here. */
export interface Outgoing {
  readonly statusCode: number;
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  setHeader(name: string, value: string): unknown;
  writeHead(status: number, headers?: Record<string, string | number>): { end(body?: string): unknown };
  on(event: "finish" | "close", listener: () => void): unknown;
}

/** Makes a request ready for its handler. */
export function admit(verdict: Verdict, request: Incoming, response: Outgoing, reports: boolean): void {
  stripIdentity(request);
  request.edgelatch = verdict;
  if (reports) reportWhenDone(response, verdict);
  if (!verdict.preflight) tellCaches(response as ServerResponse, verdict.vary);
}

/** Sends a reply, unless somebody else, such as a time limit, has answered while a refresh was waited for. */
export function send(response: Outgoing, { status, headers, body }: Reply): void {
  if (response.headersSent) return;
  // A reply to HEAD has no body, and says nothing of the length that the one to GET has.
  response.writeHead(status, body === "" ? headers : { ...headers, "content-length": Buffer.byteLength(body) }).end(body);
}

/** Lets the host answer a refused request in its own way; what it leaves unanswered is answered by `usual`. Rejects with what the host throws. */
export async function answerOwn(own: () => unknown, verdict: Verdict, response: Outgoing, usual: () => void): Promise<void> {
  reportWhenDone(response, verdict);
  if (!response.headersSent) response.setHeader("Cache-Control", "no-store");
  await own();
  if (!response.headersSent && !response.writableEnded) usual();
}

/** The client was gone before an answer was. */
const CLOSED_BY_CLIENT = 499;

/** Reports the status of a response once it was sent, or its client left. */
export function reportWhenDone(response: Outgoing, verdict: Verdict): void {
  const report = () => verdict.report({ status: response.headersSent ? response.statusCode : CLOSED_BY_CLIENT });
  // A client that leaves lets no response finish; one that a serverless adapter made is never closed. The first of both counts.
  response.on("finish", report);
  response.on("close", report);
}

function hasIdentity(rawHeaders: readonly string[]): boolean {
  for (let i = 0; i < rawHeaders.length; i += 2) if (isIdentityHeader(rawHeaders[i] as string)) return true;
  return false;
}

/** The derived views go first, or alone where there are no raw lines: Node makes each when it is first asked for, and counts on the raw lines it began with. */
export function stripIdentity(request: Incoming): void {
  const { rawHeaders } = request;
  if (rawHeaders.length > 0 && !hasIdentity(rawHeaders)) return;
  for (const view of [request.headers, request.headersDistinct] as (Record<string, unknown> | undefined)[]) {
    if (view !== undefined) for (const name of Object.keys(view)) if (isIdentityHeader(name)) delete view[name];
  }
  for (let i = rawHeaders.length - 2; i >= 0; i -= 2) if (isIdentityHeader(rawHeaders[i] as string)) rawHeaders.splice(i, 2);
}

