/**
 * What caches are told with a Node response, whatever way its handler sets headers.
 *
 * `setHeader` beforehand would have Node keep a table of headers for the response from then on, and it would change what handlers send: Node 20
 * then drops all but the last `Set-Cookie` of a `writeHead` with an array, and no version takes one with pairs any more. So a response is given
 * a `writeHead` that adds our headers to those which it is called with. That is one function for all responses.
 */
import type { ServerResponse } from "node:http";
import { CACHING, varyWithCredentials } from "../guard.js";

type WriteHead = ServerResponse["writeHead"];
type HeadersObject = Readonly<Record<string, unknown>>;

/** {@link CACHING} in the three forms that `writeHead` takes, and the functions that add it. */
class Ours {
  readonly object: Readonly<Record<string, string>>;
  readonly pairs: readonly (readonly string[])[];
  readonly flat: readonly string[];
  /** By the function that is to be called in the end, and by itself, so that a second middleware adds nothing. */
  readonly adding = new WeakMap<WriteHead, WriteHead>();

  constructor(readonly vary: string) {
    this.object = { "Cache-Control": CACHING["cache-control"], Vary: vary };
    this.pairs = Object.entries(this.object);
    this.flat = this.pairs.flat();
  }
}

/** By what `Vary` says: one, and one more for each place that a host has of its own for keys. */
const OURS = new Map<string, Ours>();

/** Has the response carry {@link CACHING}, where its handler says nothing else. */
export function tellCaches(response: Pick<ServerResponse, "writeHead">, vary: string): void {
  let ours = OURS.get(vary);
  if (ours === undefined) OURS.set(vary, (ours = new Ours(vary)));
  const { writeHead } = response;
  response.writeHead = ours.adding.get(writeHead) ?? adding(writeHead, ours);
}

function adding(original: WriteHead, ours: Ours): WriteHead {
  const writeHead = original as (this: ServerResponse, status: number, ...more: unknown[]) => ServerResponse;
  const adds = function (this: ServerResponse, status: number, reason?: unknown, more?: unknown): ServerResponse {
    // As Node reads it: what is no reason is headers.
    const headers = typeof reason === "string" ? more : (more ?? reason);
    const own = speaks(this, headers);
    if (own) settle(this, headers, ours);
    const all = own ? undefined : withOurs(headers, ours);
    return typeof reason === "string" ? writeHead.call(this, status, reason, all) : writeHead.call(this, status, all);
  } as WriteHead;
  ours.adding.set(original, adds).set(adds, adds);
  return adds;
}

/** Whether the handler says itself what concerns caches, beforehand or now. */
function speaks(response: ServerResponse, headers: unknown): boolean {
  return response.hasHeader("cache-control") || response.hasHeader("vary") || (headers !== undefined && headers !== null && namesOf(headers).some(isOurs));
}

function namesOf(headers: unknown): readonly unknown[] {
  if (!Array.isArray(headers)) return Object.keys(headers as HeadersObject);
  return Array.isArray(headers[0]) ? headers.map(([name]) => name as unknown) : headers.filter((_, place) => place % 2 === 0);
}

function isOurs(name: unknown): boolean {
  return typeof name === "string" && (name.length === 4 || name.length === 13) && Object.hasOwn(CACHING, name.toLowerCase());
}

/** The headers argument of `writeHead` with ours, in its own form. */
function withOurs(headers: unknown, { object, pairs, flat }: Ours): unknown {
  if (headers === undefined || headers === null) return object; // the one form that every other wrapper of `writeHead` reads
  if (!Array.isArray(headers)) return { ...(headers as HeadersObject), ...object };
  return [...headers, ...(Array.isArray(headers[0]) ? pairs : flat)];
}

/** Sets all headers one by one. What the handler says of caching stays, and to its `Vary` the credential headers are added. */
function settle(response: ServerResponse, headers: unknown, { vary }: Ours): void {
  for (const [name, values] of given(headers)) response.setHeader(name, values.length === 1 ? (values[0] as string) : values);
  if (!response.hasHeader("cache-control")) response.setHeader("Cache-Control", CACHING["cache-control"]);
  response.setHeader("Vary", varyWithCredentials([response.getHeader("vary") ?? []].flat().join(", "), vary));
}

/** The values of each name. */
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
