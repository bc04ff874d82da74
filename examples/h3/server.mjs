// npm install edgelatch h3
// EDGELATCH_ROOT=<base64> EDGELATCH_SOURCE=https://keys.example.com/r/acme PORT=8080 node server.mjs
import { createVerifier } from "edgelatch";
import { check } from "edgelatch/h3";
import { H3, serve } from "h3";

const { EDGELATCH_ROOT: root, EDGELATCH_SOURCE: source, PORT: port = "8080" } = process.env;
const verifier = await createVerifier({ root, source, onError: (error) => console.error(error.message) });

const app = new H3();
app.use(check({ verifier, requirement: { permission: "zone.view" } }));
app.get("/", (event) => `hello ${event.context.edgelatch.name}\n`);

const server = await serve(app, { port: Number(port), hostname: "127.0.0.1", silent: true }).ready();
console.log(server.url);
