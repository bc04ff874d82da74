import { BARE, NOTHING, pick, plain } from "./own.js";
import type { NodeRequest, RequestContext } from "./types.js";

/** What is known of the connection behind a request. */
export interface Connection {
  /** Address of the other end; `undefined` when nobody knows it. */
  readonly peer: string | undefined;
  readonly proxyLine: string | undefined;
  readonly waitUntil: ((work: Promise<unknown>) => void) | undefined;
}

/** A connection of which nothing is known. */
export const NOWHERE: Connection = { peer: undefined, proxyLine: undefined, waitUntil: undefined };
const NAMES: Readonly<Record<keyof RequestContext, true>> = { peer: true, proxyLine: true, waitUntil: true };

/**
 * What the host says of a request; where it says nothing of the address, the socket's, if the request knows its socket.
 *
 * An address that is given as `undefined` is not known, and the socket's, which may be a proxy's, does not stand in for it.
 * Nor does it for what was meant to be an address: a name that is not known (`{ ip }`), or a context that is no plain object.
 */
export function connectionOf(context: unknown, request: unknown): Connection {
  if (context === NOTHING) return { ...NOWHERE, peer: socketAddress(request) };
  const said: RequestContext | undefined = plain(context);
  if (said === undefined) return NOWHERE;
  const waitUntil = pick(said, "waitUntil", said.waitUntil, BARE.waitUntil);
  for (const name in said) if (!Object.hasOwn(NAMES, name) && Object.hasOwn(said, name)) return { ...NOWHERE, waitUntil };
  const peer = Object.hasOwn(said, "peer") ? said.peer : socketAddress(request);
  return { peer, proxyLine: pick(said, "proxyLine", said.proxyLine, BARE.proxyLine), waitUntil };
}

function socketAddress(request: unknown): string | undefined {
  if (typeof request !== "object" || request === null) return undefined;
  const socket = pick(request, "socket", (request as NodeRequest).socket, BARE.socket);
  return socket ? pick(socket, "remoteAddress", socket.remoteAddress, BARE.remoteAddress) : undefined;
}
