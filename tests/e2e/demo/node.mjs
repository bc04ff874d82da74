// `node node.mjs SETTINGS.json`: the demo's API on Node. Prints one line with its port.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createVerifier } from "edgelatch";
import { fileCache } from "edgelatch/file";
import { edge } from "./edge.mjs";

const settings = JSON.parse(readFileSync(process.argv[2], "utf8"));
const cache = settings.cache === undefined ? undefined : fileCache(settings.cache);
const api = await edge(createVerifier, { ...settings, cache, mode: "timer" });

const server = createServer(async (request, response) => {
  const { status, headers, body } =
    request.url === "/demo/refresh"
      ? await api.refresh()
      : await api.answer(request, { peer: request.socket.remoteAddress }, request.headers["x-demo"] !== undefined);
  response.writeHead(status, headers).end(request.method === "HEAD" ? undefined : body);
});
server.listen(settings.port ?? 0, "127.0.0.1", () => {
  console.log(JSON.stringify({ ready: true, listeners: [{ name: "edge", port: server.address().port }] }));
});
process.stdin.on("end", () => process.exit(0)).resume();
