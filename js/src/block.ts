import type { Connection } from "./connection.js";
import { BARE, pick } from "./own.js";
import type { NodeRequest } from "./types.js";

/** A request as the core reads it, before it becomes text. */
export interface Lines {
  readonly method: string;
  /** Path and query as the host received them. */
  readonly target: string;
  /** Header lines, each `name:value` and a line feed. */
  readonly headers: string;
}

/** The header lines of a request that Node keeps where its server does not say otherwise. */
const NODE_MAX_LINES = 1000;
/** What HTTP/2 has in place of the Host line, or beside it; the core judges both. */
const AUTHORITY = ":authority";
/** What the core refuses as a request that is not well formed. */
const ILL_FORMED = "\r\n";

/** Reads a fetch `Request` or a Node `IncomingMessage`. */
export function linesOf(request: Request | NodeRequest, interest: readonly string[]): Lines {
  if (isNode(request)) return nodeLines(request, interest);
  let headers = "";
  for (const name of interest) {
    const value = request.headers.get(name);
    if (value !== null) headers += line(name, value);
  }
  return { method: request.method, target: targetOf(request.url), headers };
}

function isNode(request: Request | NodeRequest): request is NodeRequest {
  return pick(request, "rawHeaders", (request as NodeRequest).rawHeaders, BARE.rawHeaders) !== undefined;
}

/** `req.headers` keeps one of two equal lines, and which one differs by name: only `rawHeaders` shows what was sent. */
function nodeLines(request: NodeRequest, interest: readonly string[]): Lines {
  const { rawHeaders } = request;
  const socket = pick(request, "socket", request.socket, BARE.socket);
  const server = socket && pick(socket, "server", socket.server, BARE.server);
  const limit = server && pick(server, "maxHeadersCount", server.maxHeadersCount, BARE.maxHeadersCount);
  let headers = mayBeCut(rawHeaders.length, limit) ? ILL_FORMED : "";
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = named(rawHeaders[i] as string, interest);
    if (name !== undefined) headers += line(name, rawHeaders[i + 1] as string);
  }
  return { method: request.method ?? "", target: pick(request, "originalUrl", request.originalUrl, BARE.originalUrl) ?? request.url ?? "", headers };
}

/**
 * Whether Node may have dropped header lines, names and values of which are `texts`. It does so without a word, and the last
 * ones are those that a trusted proxy added. The limit is read as Node reads it: only a number is one, 0 or less is none.
 */
function mayBeCut(texts: number, maxHeadersCount: unknown): boolean {
  const limit = typeof maxHeadersCount === "number" ? maxHeadersCount << 1 : 2 * NODE_MAX_LINES;
  return limit > 0 && texts >= limit;
}

/** The name of interest that `raw` is a spelling of. Most names already differ in length, and need not be folded. */
function named(raw: string, interest: readonly string[]): string | undefined {
  if (raw === AUTHORITY) return raw;
  for (const name of interest) if (name.length === raw.length && name === raw.toLowerCase()) return name;
  return undefined;
}

/** The text that the core parses. */
export function blockOf({ method, target, headers }: Lines, { peer = "", proxyLine }: Pick<Connection, "peer" | "proxyLine">): string {
  const proxy = proxyLine === undefined ? "" : `\t${oneLine(proxyLine.replace(/\r\n$/, ""))}`;
  return `${oneLine(peer).replaceAll("\t", "\r")}${proxy}\n${oneLine(method)} ${oneLine(target)}\n${headers}`;
}

function line(name: string, value: string): string {
  return `${name}:${oneLine(value)}\n`;
}

/** No parser lets a line feed through; should one come all the same, it becomes what the core refuses. */
function oneLine(value: string): string {
  return value.includes("\n") ? value.replaceAll("\n", "\r") : value;
}

/** Path and query of an absolute URL, without parsing it again: what the client sent stays as it is. */
function targetOf(url: string): string {
  const authority = url.indexOf("//") + 2;
  const path = url.slice(authority).search(/[/?#]/);
  if (path < 0) return "/";
  const target = url.slice(authority + path);
  return target.startsWith("/") ? target : `/${target}`;
}
