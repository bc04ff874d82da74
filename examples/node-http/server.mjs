// EDGELATCH_ROOT=<base64> EDGELATCH_SOURCE=https://keys.example.com/r/acme PORT=8080 node server.mjs
import { createServer } from "node:http";
import { createVerifier } from "edgelatch";
import { middleware } from "edgelatch/node";

const { EDGELATCH_ROOT: root, EDGELATCH_SOURCE: source, PORT: port = "8080" } = process.env;
const verifier = await createVerifier({
  root,
  source,
  onError: (error) => console.error(error.message),
  onVerdict: (verdict) => console.error(JSON.stringify(verdict)),
});
const guard = middleware({
  verifier,
  requirement: ({ method }) => ({ permission: ["GET", "HEAD"].includes(method) ? "zone.view" : "zone.update" }),
});

const server = createServer((request, response) => {
  guard(request, response, () => {
    response.writeHead(200, { "content-type": "text/plain" }).end(`hello ${request.edgelatch.name}\n`);
  });
});
server.listen(Number(port), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/`));
