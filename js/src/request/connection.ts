import type { NodeRequest, RequestContext } from "../types/verifier.js";
import { INHERITED, OMITTED, ownValue, plain } from "../util/own.js";

/** What is known of the connection behind a request: {@link RequestContext}, checked. */
export interface Connection {
  /** Address of the other end; `undefined` when nobody knows it. */
  readonly peer: string | undefined;
  /** The PROXY protocol line that preceded the request. */
  readonly proxyLine: string | undefined;
  readonly waitUntil: ((work: Promise<unknown>) => void) | undefined;
  /** Ends the waiting for what a good answer takes. */
  readonly signal: AbortSignal | undefined;
}

/** A connection of which nothing is known. */
export const UNKNOWN_CONNECTION: Connection = { peer: undefined, proxyLine: undefined, waitUntil: undefined, signal: undefined };
/** A name beside these makes the whole context unusable. */
const NAMES: Readonly<Record<keyof RequestContext, true>> = { peer: true, proxyLine: true, waitUntil: true, signal: true };

/**
 * What the host says of a request; where it says nothing of the address, the socket's, if the request knows its socket.
 *
 * An address that is given as `undefined` is not known, and the socket's, which may be a proxy's, does not stand in for it. The
 * same goes for what was meant to be an address: an unknown name such as `{ ip }`, or a context that is no plain object.
 */
export function connectionOf(context: unknown, request: unknown): Connection {
  if (context === OMITTED) return { peer: socketAddress(request), proxyLine: undefined, waitUntil: undefined, signal: undefined };
  const said: RequestContext | undefined = plain(context);
  if (said === undefined) return UNKNOWN_CONNECTION;
  const waitUntil = ownValue(said, "waitUntil", said.waitUntil, INHERITED.waitUntil);
  const signal = ownValue(said, "signal", said.signal, INHERITED.signal);
  for (const name in said) if (!Object.hasOwn(NAMES, name) && Object.hasOwn(said, name)) return { ...UNKNOWN_CONNECTION, waitUntil, signal };
  const peer = Object.hasOwn(said, "peer") ? said.peer : socketAddress(request);
  return { peer, proxyLine: ownValue(said, "proxyLine", said.proxyLine, INHERITED.proxyLine), waitUntil, signal };
}

function socketAddress(request: unknown): string | undefined {
  if (typeof request !== "object" || request === null) return undefined;
  const socket = ownValue(request, "socket", (request as NodeRequest).socket, INHERITED.socket);
  return socket ? ownValue(socket, "remoteAddress", socket.remoteAddress, INHERITED.remoteAddress) : undefined;
}
