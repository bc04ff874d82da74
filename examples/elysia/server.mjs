// bun add edgelatch elysia
// EDGELATCH_ROOT=<base64> EDGELATCH_SOURCE=https://keys.example.com/r/acme PORT=8080 bun server.mjs
import { createVerifier } from "edgelatch";
import { check, verdict } from "edgelatch/elysia";
import { Elysia } from "elysia";

const { EDGELATCH_ROOT: root, EDGELATCH_SOURCE: source, PORT: port = "8080" } = process.env;
const verifier = await createVerifier({ root, source, onError: (error) => console.error(error.message) });

const app = new Elysia()
  .guard(check({ verifier, requirement: { permission: "zone.view" } }))
  .resolve(verdict)
  .get("/", ({ edgelatch }) => `hello ${edgelatch.name}\n`);

app.listen({ port: Number(port), hostname: "127.0.0.1" }, ({ url }) => console.log(String(url)));
