// npm install edgelatch fastify
// EDGELATCH_ROOT=<base64> EDGELATCH_SOURCE=https://keys.example.com/r/acme PORT=8080 node server.mjs
import { createVerifier } from "edgelatch";
import { check } from "edgelatch/fastify";
import { fastify } from "fastify";

const { EDGELATCH_ROOT: root, EDGELATCH_SOURCE: source, PORT: port = "8080" } = process.env;
const verifier = await createVerifier({ root, source, onError: (error) => console.error(error.message) });

const app = fastify();
app.addHook("onRequest", check({ verifier, requirement: { permission: "zone.view" } }));
app.get("/", async (request) => `hello ${request.edgelatch.name}\n`);

await app.listen({ port: Number(port), host: "127.0.0.1" });
console.log(`http://127.0.0.1:${app.server.address().port}/`);
