// npm install edgelatch ws
// EDGELATCH_ROOT=<base64> EDGELATCH_SOURCE=https://keys.example.com/r/acme PORT=8080 node server.mjs
import { createServer } from "node:http";
import { createVerifier } from "edgelatch";
import { upgrade } from "edgelatch/node";
import { WebSocketServer } from "ws";

const { EDGELATCH_ROOT: root, EDGELATCH_SOURCE: source, PORT: port = "8080" } = process.env;
const verifier = await createVerifier({ root, source, onError: (error) => console.error(error.message) });

const sockets = new WebSocketServer({ noServer: true });
const check = upgrade({ verifier, requirement: { permission: "zone.view" } });
const server = createServer((_request, response) => response.writeHead(426).end());
server.on("upgrade", (request, socket, head) => {
  check(request, socket, (verdict) => sockets.handleUpgrade(request, socket, head, (open) => open.send(`hello ${verdict.name}`)));
});

server.listen(Number(port), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/`));
