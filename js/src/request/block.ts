/** From a request of the host's to the text that the core parses, the request block (SPEC section 9). */
import { type Laid, NOT_LAID } from "../engine/laid.js";
import type { NodeRequest } from "../types/verifier.js";
import { INHERITED, ownValue } from "../util/own.js";
import type { Connection } from "./connection.js";
import { isFetched, isNode, notARequest } from "./object.js";

/** What the core reads of a request. */
export interface RequestText extends Laid {
  readonly method: string;
  /** Path and query as the host received them. */
  readonly target: string;
  /** The request block: address and PROXY line, request line, header lines. */
  readonly block: string;
}

/** Header lines of a request that Node keeps where its server does not say otherwise. */
const NODE_MAX_LINES = 1000;
/** What HTTP/2 has in place of the Host line, or beside it; the core judges both. */
const AUTHORITY = ":authority";
/** A line that the core refuses, and the request with it. */
const ILL_FORMED = "\r\n";

/** Reads requests for one core. */
export class BlockReader {
  readonly #names: readonly string[];
  /** The same by their lengths, in which most header lines differ already. */
  readonly #byLength: readonly (readonly string[] | undefined)[];

  /** @param names of the headers that the core wants to see, lower case */
  constructor(names: readonly string[]) {
    const all = [...names, AUTHORITY];
    this.#names = names;
    this.#byLength = Array.from({ length: 1 + Math.max(...all.map((name) => name.length)) }, (_, length) => {
      const some = all.filter((name) => name.length === length);
      return some.length === 0 ? undefined : some;
    });
  }

  /** Reads a fetch `Request` or a Node `IncomingMessage`. Throws a `RequestError` for anything else. */
  read(request: Request | NodeRequest, connection: Pick<Connection, "peer" | "proxyLine">): RequestText {
    if (typeof request !== "object" || request === null) throw notARequest(request);
    return isNode(request) ? this.#node(request, connection) : this.#fetched(request, connection);
  }

  #fetched(request: Request, connection: Pick<Connection, "peer" | "proxyLine">): RequestText {
    // Each is read once: runtimes make the text of a URL, and headers, anew whenever they are asked.
    const { headers, method, url } = request;
    if (!isFetched(url, headers)) throw notARequest(request);
    let lines = "";
    for (const name of this.#names) {
      const value = headers.get(name);
      if (value !== null) lines += `${name}:${oneLine(value)}\n`;
    }
    return textOf(connection, method, targetOf(url), lines);
  }

  /** Of two lines with one name `req.headers` keeps the first, the last or both, by name: only `rawHeaders` shows what was sent. */
  #node(request: NodeRequest, connection: Pick<Connection, "peer" | "proxyLine">): RequestText {
    const { rawHeaders } = request;
    const texts = rawHeaders.length > 0 ? rawHeaders : textsOf(ownValue(request, "headers", request.headers, INHERITED.headers));
    let lines = mayBeCut(rawHeaders.length, request) ? ILL_FORMED : "";
    for (let i = 0; i + 1 < texts.length; i += 2) {
      const name = this.#named(texts[i] as string);
      if (name !== undefined) lines += `${name}:${oneLine(texts[i + 1] as string)}\n`;
    }
    const target = ownValue(request, "originalUrl", request.originalUrl, INHERITED.originalUrl) ?? request.url ?? "";
    return textOf(connection, request.method ?? "", target, lines);
  }

  /** The name that `raw` is a spelling of. */
  #named(raw: string): string | undefined {
    const names = this.#byLength[raw.length];
    if (names === undefined) return undefined;
    for (const name of names) if (raw === name || (name !== AUTHORITY && raw.toLowerCase() === name)) return name;
    return undefined;
  }
}

/**
 * What adapters of serverless platforms give instead of raw lines, which they leave empty: nothing else shows that there is a credential. Their platform
 * has joined lines of one name, or gives an array of them.
 */
function textsOf(headers: NodeRequest["headers"]): readonly string[] {
  const texts: string[] = [];
  for (const [name, value] of Object.entries(headers ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) texts.push(name, one as string);
  }
  return texts;
}

/**
 * Whether Node may have dropped header lines: beyond its limit it does so silently, and the last lines are those that a trusted
 * proxy added. The limit is read as Node reads it: only a number is one, and 0 or less means none.
 *
 * @param texts names and values that are there
 */
function mayBeCut(texts: number, request: NodeRequest): boolean {
  const socket = ownValue(request, "socket", request.socket, INHERITED.socket);
  const server = socket && ownValue(socket, "server", socket.server, INHERITED.server);
  const limit: unknown = server && ownValue(server, "maxHeadersCount", server.maxHeadersCount, INHERITED.maxHeadersCount);
  const kept = typeof limit === "number" ? limit << 1 : 2 * NODE_MAX_LINES;
  return kept > 0 && texts >= kept;
}

function textOf({ peer = "", proxyLine }: Pick<Connection, "peer" | "proxyLine">, method: string, target: string, lines: string): RequestText {
  const proxy = proxyLine === undefined ? "" : `\t${oneLine(proxyLine.replace(/\r\n$/, ""))}`;
  const block = `${address(peer)}${proxy}\n${oneLine(method)} ${oneLine(target)}\n${lines}`;
  return { method, target, block, laid: NOT_LAID };
}

/** A tab would begin a PROXY line. */
function address(peer: string): string {
  return peer.includes("\t") ? oneLine(peer).replaceAll("\t", "\r") : oneLine(peer);
}

/** No HTTP parser lets a line feed through. Should one come all the same, it must not begin a line of the block: the core refuses a CR. */
function oneLine(value: string): string {
  return value.includes("\n") ? value.replaceAll("\n", "\r") : value;
}

/** Path and query of an absolute URL, cut out rather than parsed: what the client sent stays as it is. */
export function targetOf(url: string): string {
  const authority = url.indexOf("//") + 2;
  const path = url.slice(authority).search(/[/?#]/);
  if (path < 0) return "/";
  const target = url.slice(authority + path);
  return target.startsWith("/") ? target : `/${target}`;
}
