import { createServer } from "node:http";
import { createVerifier } from "edgelatch";
import { middleware } from "edgelatch/node";

const verifier = await createVerifier({
  root: process.env.EDGELATCH_ROOT,
  source: process.env.EDGELATCH_SOURCE,           // http://127.0.0.1:8787/r/acme
});
const guard = middleware({ verifier, requirement: { permission: "zone.view" } });

createServer((request, response) => {
  guard(request, response, () => response.end(`hello ${request.edgelatch.name}\n`));
}).listen(Number(process.env.PORT), "127.0.0.1");
