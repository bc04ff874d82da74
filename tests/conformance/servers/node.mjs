import { once } from "node:events";
import { createServer } from "node:http";
import { createVerifier } from "edgelatch";
import { middleware } from "edgelatch/node";
import { host, readConfig, ready } from "./native.mjs";
import { answer, listenerOptions, load } from "./shared.mjs";

const { config, objects, clock } = readConfig(process.argv[2]);
const listeners = [];
for (const listener of config.listeners) {
  const made = await listenerOptions(listener, objects, clock, host);
  const guard = middleware({ verifier: await load(createVerifier, made, clock.now), requirement: made.requirement });
  const server = createServer((request, response) => {
    guard(request, response, () => {
      const names = [...Object.keys(request.headers), ...Object.keys(request.headersDistinct), ...request.rawHeaders.filter((_, i) => i % 2 === 0)];
      const { status, headers, body } = answer(request.method, names);
      response.writeHead(status, headers).end(body);
    });
  });
  server.listen(listener.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  listeners.push({ name: listener.name, port: server.address().port });
}
ready("node", listeners);
