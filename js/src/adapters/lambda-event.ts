/** From the events of Lambda to requests as the core reads them. */
import type { NodeRequest } from "../types/verifier.js";

type Texts = Readonly<Record<string, string | undefined>> | null | undefined;
type Lists = Readonly<Record<string, readonly string[] | undefined>> | null | undefined;

/** An event of a REST API or a load balancer (format 1.0). */
export interface EventV1 {
  readonly httpMethod: string;
  readonly path: string;
  readonly headers?: Texts;
  readonly multiValueHeaders?: Lists;
  readonly queryStringParameters?: Texts;
  readonly multiValueQueryStringParameters?: Lists;
  readonly requestContext: { readonly identity?: { readonly sourceIp?: string }; readonly elb?: unknown };
}

/** An event of an HTTP API or a function URL (format 2.0). */
export interface EventV2 {
  readonly version: string;
  readonly rawPath: string;
  readonly rawQueryString: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly requestContext: { readonly http: { readonly method: string; readonly sourceIp: string } };
}

/** An HTTP event. */
export type LambdaEvent = EventV1 | EventV2;

/** Header lines of Lambda@Edge: for each name in small letters its lines. */
export type EdgeHeaders = Record<string, { key?: string | undefined; value: string }[]>;

/** A request of Lambda@Edge. */
export interface EdgeRequest {
  readonly clientIp: string;
  readonly method: string;
  uri: string;
  querystring: string;
  headers: EdgeHeaders;
}

/** An event of Lambda@Edge. */
export interface EdgeEvent {
  Records: { cf: { request: EdgeRequest } }[];
}

/** What is judged, and the address that the platform saw, if it says so. */
export interface LambdaRequest {
  readonly request: NodeRequest;
  readonly peer: string | undefined;
}

/** Reads an event. One of another form gives no request, which is answered as a fault of the program. */
export function requestOf(event: LambdaEvent | EdgeEvent): LambdaRequest {
  const given = event as Partial<EventV1 & EventV2 & EdgeEvent> | null | undefined;
  const http = given?.requestContext?.http;
  if (http !== undefined) return { request: read(http.method, given?.rawPath, given?.rawQueryString, pairs(given?.headers)), peer: http.sourceIp };
  const edge = given?.Records?.[0]?.cf?.request;
  if (edge !== undefined) return { request: read(edge.method, edge.uri, edge.querystring, edgePairs(edge.headers)), peer: edge.clientIp };
  if (given?.httpMethod === undefined) return { request: undefined as unknown as NodeRequest, peer: undefined };
  const lines = given.multiValueHeaders ? pairs(given.multiValueHeaders) : pairs(given.headers);
  const query = queryOf(given as EventV1);
  return { request: read(given.httpMethod, given.path, query, lines), peer: given.requestContext?.identity?.sourceIp };
}

function read(method: string, path: string | undefined, query: string | undefined, rawHeaders: string[]): NodeRequest {
  return { method, url: escaped(path ?? "/") + (query ? `?${query}` : ""), rawHeaders };
}

/** Some platforms have decoded the path: what a request line cannot hold, or would end the path, is escaped again. */
function escaped(path: string): string {
  return path.replace(/[^\x21-\x7e]|[?#]/gu, (sign) => encodeURIComponent(/\p{Surrogate}/u.test(sign) ? "\ufffd" : sign));
}

function pairs(headers: Texts | Lists): string[] {
  return Object.entries(headers ?? {}).flatMap(([name, value]) => [value ?? []].flat().flatMap((one) => [name, one]));
}

function edgePairs(headers: EdgeHeaders): string[] {
  return Object.entries(headers ?? {}).flatMap(([name, lines]) => lines.flatMap(({ value }) => [name, value]));
}

/** A load balancer leaves parameters as they were received, a REST API has decoded them. */
function queryOf({ queryStringParameters, multiValueQueryStringParameters, requestContext }: EventV1): string {
  const encode = requestContext?.elb === undefined ? encodeURIComponent : (text: string) => text;
  const list = pairs(multiValueQueryStringParameters ?? queryStringParameters);
  const parameters: string[] = [];
  for (let i = 0; i + 1 < list.length; i += 2) parameters.push(`${encode(list[i] as string)}=${encode(list[i + 1] as string)}`);
  return parameters.join("&");
}
