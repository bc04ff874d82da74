// What servers of Node have in common.
import { once } from "node:events";
import { createRequire } from "node:module";
import { Readable } from "node:stream";
import { upgrade } from "edgelatch/node";
import { NEED, takeEvents, verifier } from "../kit.mjs";

export const require = createRequire(import.meta.url);

/** Listens, takes WebSockets, and resolves to the port. */
export async function listen(server) {
  sockets(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server.address().port;
}

/** WebSockets behind the check: each is greeted by the name of its key. */
export function sockets(server) {
  const { WebSocketServer } = require("ws");
  const accepting = new WebSocketServer({ noServer: true });
  const usual = upgrade({ verifier, requirement: NEED });
  const own = upgrade({ verifier, requirement: NEED, refuse: (verdict) => ({ status: 418, headers: { "x-code": verdict.code }, body: "own" }) });
  server.on("upgrade", (request, socket, head) => {
    const check = request.url === "/own" ? own : usual;
    void check(request, socket, (verdict) => {
      accepting.handleUpgrade(request, socket, head, (open) => open.send(`hello ${verdict.name} ${request.edgelatch === verdict}`));
    });
  });
}

/** The facts of a Node request. */
export function facts(request, object = request) {
  return {
    verdict: request.edgelatch,
    names: [...Object.keys(request.headers), ...Object.keys(request.headersDistinct), ...request.rawHeaders.filter((_, i) => i % 2 === 0)],
    body: async () => Buffer.concat(await all(request)).toString(),
    object,
  };
}

async function all(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

/** Text, or a stream of pieces, to a Node response. */
export function reply(response, given) {
  response.setHeader("content-type", "text/plain");
  if (Array.isArray(given)) Readable.from(given).pipe(response);
  else response.end(given);
}

/** Answers what is asked about this process itself; whether it was that. */
export function asked(request, response) {
  if (request.url !== "/events") return false;
  response.end(takeEvents());
  return true;
}
