// npm install edgelatch koa
// EDGELATCH_ROOT=<base64> EDGELATCH_SOURCE=https://keys.example.com/r/acme PORT=8080 node server.mjs
import { createVerifier } from "edgelatch";
import { check } from "edgelatch/koa";
import Koa from "koa";

const { EDGELATCH_ROOT: root, EDGELATCH_SOURCE: source, PORT: port = "8080" } = process.env;
const verifier = await createVerifier({ root, source, onError: (error) => console.error(error.message) });

const app = new Koa();
app.use(check({ verifier, requirement: { permission: "zone.view" } }));
app.use((ctx) => (ctx.body = `hello ${ctx.state.edgelatch.name}\n`));

const server = app.listen(Number(port), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/`));
