import process from "node:process";
import { createVerifier, protect } from "edgelatch";
import { host, readConfig, ready } from "./native.mjs";
import { answer, listenerOptions, load } from "./shared.mjs";

const { config, objects, clock } = readConfig(process.argv[2]);
const listeners = [];
for (const listener of config.listeners) {
  const made = await listenerOptions(listener, objects, clock, host);
  const verifier = await load(createVerifier, made, clock.now);
  const handler = protect(
    (request) => {
      const { status, headers, body } = answer(request.method, [...request.headers.keys()]);
      return new Response(body, { status, headers });
    },
    { verifier, requirement: made.requirement },
  );
  const server = Deno.serve({ port: listener.port ?? 0, hostname: "127.0.0.1", onListen: () => {} }, handler);
  listeners.push({ name: listener.name, port: server.addr.port });
}
ready("deno", listeners);
