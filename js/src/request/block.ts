/** From a request of the host's to the text that the core parses, the request block (SPEC section 9). */
import type { NodeRequest } from "../types/verifier.js";
import { INHERITED, ownValue } from "../util/own.js";
import type { Connection } from "./connection.js";

/** What the core reads of a request, before it becomes text. */
export interface RequestParts {
  readonly method: string;
  /** Path and query as the host received them. */
  readonly target: string;
  /** Header lines, each `name:value` and a line feed. */
  readonly headers: string;
}

/** Header lines of a request that Node keeps where its server does not say otherwise. */
const NODE_MAX_LINES = 1000;
/** What HTTP/2 has in place of the Host line, or beside it; the core judges both. */
const AUTHORITY = ":authority";
/** A line that the core refuses, and the request with it. */
const ILL_FORMED = "\r\n";

/**
 * Reads a fetch `Request` or a Node `IncomingMessage`.
 *
 * @param headerNames those that the core wants to see, lower case
 */
export function partsOf(request: Request | NodeRequest, headerNames: readonly string[]): RequestParts {
  if (isNode(request)) return nodeParts(request, headerNames);
  let headers = "";
  for (const name of headerNames) {
    const value = request.headers.get(name);
    if (value !== null) headers += line(name, value);
  }
  return { method: request.method, target: targetOf(request.url), headers };
}

function isNode(request: Request | NodeRequest): request is NodeRequest {
  return ownValue(request, "rawHeaders", (request as NodeRequest).rawHeaders, INHERITED.rawHeaders) !== undefined;
}

/** Of two lines with one name `req.headers` keeps the first, the last or both, by name: only `rawHeaders` shows what was sent. */
function nodeParts(request: NodeRequest, headerNames: readonly string[]): RequestParts {
  const { rawHeaders } = request;
  const socket = ownValue(request, "socket", request.socket, INHERITED.socket);
  const server = socket && ownValue(socket, "server", socket.server, INHERITED.server);
  const limit = server && ownValue(server, "maxHeadersCount", server.maxHeadersCount, INHERITED.maxHeadersCount);
  let headers = mayBeCut(rawHeaders.length, limit) ? ILL_FORMED : "";
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = named(rawHeaders[i] as string, headerNames);
    if (name !== undefined) headers += line(name, rawHeaders[i + 1] as string);
  }
  return { method: request.method ?? "", target: ownValue(request, "originalUrl", request.originalUrl, INHERITED.originalUrl) ?? request.url ?? "", headers };
}

/**
 * Whether Node may have dropped header lines: beyond its limit it does so silently, and the last lines are those that a trusted
 * proxy added. The limit is read as Node reads it: only a number is one, and 0 or less means none.
 *
 * @param texts names and values that are there
 */
function mayBeCut(texts: number, maxHeadersCount: unknown): boolean {
  const limit = typeof maxHeadersCount === "number" ? maxHeadersCount << 1 : 2 * NODE_MAX_LINES;
  return limit > 0 && texts >= limit;
}

/** The name among `headerNames` that `raw` is a spelling of. Most names differ in length already, and need no lower case. */
function named(raw: string, headerNames: readonly string[]): string | undefined {
  if (raw === AUTHORITY) return raw;
  for (const name of headerNames) if (name.length === raw.length && name === raw.toLowerCase()) return name;
  return undefined;
}

/** The request block: address and PROXY line, request line, header lines. */
export function blockOf({ method, target, headers }: RequestParts, { peer = "", proxyLine }: Pick<Connection, "peer" | "proxyLine">): string {
  const proxy = proxyLine === undefined ? "" : `\t${oneLine(proxyLine.replace(/\r\n$/, ""))}`;
  return `${oneLine(peer).replaceAll("\t", "\r")}${proxy}\n${oneLine(method)} ${oneLine(target)}\n${headers}`;
}

function line(name: string, value: string): string {
  return `${name}:${oneLine(value)}\n`;
}

/** No HTTP parser lets a line feed through. Should one come all the same, it must not begin a line of the block: the core refuses a CR. */
function oneLine(value: string): string {
  return value.includes("\n") ? value.replaceAll("\n", "\r") : value;
}

/** Path and query of an absolute URL, cut out rather than parsed: what the client sent stays as it is. */
function targetOf(url: string): string {
  const authority = url.indexOf("//") + 2;
  const path = url.slice(authority).search(/[/?#]/);
  if (path < 0) return "/";
  const target = url.slice(authority + path);
  return target.startsWith("/") ? target : `/${target}`;
}
