/** {@link Guard} for requests that want another protocol on their connection, such as WebSockets: Node gives them to no request handler. */
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { OptionError } from "../errors.js";
import { Guard, type GuardOptions } from "../guard.js";
import type { Reply } from "../reply.js";
import { OMITTED } from "../util/own.js";
import type { Verdict } from "../types/verdict.js";
import { stripIdentity } from "./incoming.js";

/** Options of {@link upgrade}. `refuse` returns the reply to send in place of the usual one. */
export type UpgradeOptions = GuardOptions<[request: IncomingMessage, socket: Duplex], Reply | undefined>;

/** What is called for each upgrade: `accept` for accepted requests only, with the verdict. */
export type Upgrade = (request: IncomingMessage, socket: Duplex, accept: (verdict: Verdict) => void) => Promise<void>;

/** Switching Protocols. */
const SWITCHED = 101;

/**
 * Puts the check in front of WebSocket upgrades.
 *
 * ```ts
 * const check = upgrade({ verifier, requirement: { permission: "zone.view" } });
 * server.on("upgrade", (request, socket, head) => {
 *   check(request, socket, () => sockets.handleUpgrade(request, socket, head, (socket) => sockets.emit("connection", socket, request)));
 * });
 * ```
 *
 * A refused request gets its reply, and the connection is closed. What the host's own functions throw closes the connection without a word, and
 * the promise rejects. Throws a `TypeError` for options that are not well formed.
 *
 * @param options what is checked, by which verifier
 * @returns a function of request, socket, and what takes the socket over, which is called for accepted requests only
 */
export function upgrade(options: UpgradeOptions): Upgrade {
  const guard = new Guard("upgrade", options);

  return async (request, socket, accept) => {
    socket.on("error", ignore); // a client that leaves meanwhile must not end the process
    let verdict: Verdict;
    try {
      const judged = guard.judge(request, OMITTED, [request, socket]);
      verdict = judged instanceof Promise ? await judged : judged;
      const refusal = guard.refusal(verdict);
      if (refusal !== undefined) {
        const own = await guard.own?.(verdict, request, socket);
        if (guard.own !== undefined) verdict.report({ status: own?.status ?? refusal.status });
        return send(socket, own ?? refusal);
      }
    } catch (error) {
      socket.destroy();
      throw error;
    }
    if (socket.destroyed) return;
    stripIdentity(request);
    request.edgelatch = verdict;
    verdict.report({ status: SWITCHED });
    socket.off("error", ignore);
    accept(verdict);
  };
}

function ignore(): void {}

function send(socket: Duplex, { status, headers, body }: Reply): void {
  const lines = Object.entries({ connection: "close", "content-length": Buffer.byteLength(body), ...headers }).map(([name, value]) => `${name}: ${value}`);
  if (lines.some((line) => /[\r\n]/.test(line))) throw new OptionError("upgrade: a header of the reply has a line break");
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}
