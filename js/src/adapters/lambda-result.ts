/** From replies to the results that Lambda wants, and what results are given for caches. */
import { isIdentityHeader, varyWithCredentials } from "../guard.js";
import type { Reply } from "../reply.js";
import type { EdgeEvent, EdgeHeaders, LambdaEvent } from "./lambda-event.js";

/** A result of an HTTP event. */
export interface LambdaResult {
  statusCode: number;
  headers?: Record<string, string | number | boolean> | undefined;
  multiValueHeaders?: Record<string, (string | number | boolean)[]> | undefined;
  body?: string | undefined;
}

/** A response of Lambda@Edge. */
export interface EdgeResult {
  status: string;
  statusDescription?: string | undefined;
  headers?: EdgeHeaders | undefined;
  body?: string | undefined;
}

/** A result, and its status. */
interface Told {
  readonly result: unknown;
  readonly status: number;
}

/** The result of a refused request. A load balancer with multi-value headers takes no others. */
export function refusedResult(event: LambdaEvent, { status, headers, body }: Reply): Told {
  const lists = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
  return { result: { statusCode: status, ...(multiValued(event) ? { multiValueHeaders: lists } : { headers: { ...headers } }), body, isBase64Encoded: false }, status };
}

export function edgeResult({ status, headers, body }: Reply): EdgeResult {
  return { status: String(status), headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [{ key: name, value }]])), body };
}

/**
 * A host's result with what caches are told, where it says nothing else.
 *
 * @param usual headers that count where the host sets none of that name
 * @param vary the request headers that the response depends on, if it does
 */
export function resultOf(event: LambdaEvent, given: unknown, usual: Readonly<Record<string, string>>, vary?: string): Told {
  const result = asResult(event, given);
  const lists = multiValued(event);
  const all: Record<string, (string | number | boolean)[]> = {};
  const said = [...Object.entries(result.headers ?? {}), ...(lists ? Object.entries(result.multiValueHeaders ?? {}) : [])];
  for (const [name, value] of said) all[name.toLowerCase()] = [value].flat();
  for (const [name, value] of Object.entries(usual)) all[name] ??= [value];
  if (vary !== undefined) all["vary"] = [varyWithCredentials((all["vary"] ?? []).join(", "), vary)];
  if (lists) return { result: { ...result, headers: undefined, multiValueHeaders: all }, status: result.statusCode };
  const headers = Object.fromEntries(Object.entries(all).map(([name, [value]]) => [name, value]));
  return { result: { ...result, headers }, status: result.statusCode };
}

function multiValued(event: LambdaEvent): boolean {
  return Boolean((event as { multiValueHeaders?: unknown } | undefined)?.multiValueHeaders);
}

/** In format 2.0 what has no status is the body of a 200. */
function asResult(event: LambdaEvent, given: unknown): LambdaResult {
  const result = given as LambdaResult | null | undefined;
  if (typeof result === "object" && result !== null && typeof result.statusCode === "number") return result;
  if (!("rawPath" in event)) return { ...result, statusCode: 502 }; // what the platform makes of it
  return { statusCode: 200, headers: { "content-type": "application/json" }, body: typeof given === "string" ? given : JSON.stringify(given) };
}

/** The event without what is forged in it. */
export function withoutForged<E extends LambdaEvent | EdgeEvent>(event: E): E {
  const { headers, multiValueHeaders, Records } = event as { headers?: object; multiValueHeaders?: object; Records?: EdgeEvent["Records"] };
  if (Records !== undefined) return { ...event, Records: Records.map((record) => ({ ...record, cf: { ...record.cf, request: { ...record.cf.request, headers: without(record.cf.request.headers) } } })) };
  return { ...event, ...(headers && { headers: without(headers) }), ...(multiValueHeaders && { multiValueHeaders: without(multiValueHeaders) }) };
}

function without<H extends object>(headers: H): H {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !isIdentityHeader(name))) as H;
}
