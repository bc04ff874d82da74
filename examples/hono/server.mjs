// npm install edgelatch hono @hono/node-server
// EDGELATCH_ROOT=<base64> EDGELATCH_SOURCE=https://keys.example.com/r/acme PORT=8080 node server.mjs
import { serve } from "@hono/node-server";
import { createVerifier } from "edgelatch";
import { check } from "edgelatch/hono";
import { Hono } from "hono";

const { EDGELATCH_ROOT: root, EDGELATCH_SOURCE: source, PORT: port = "8080" } = process.env;
const verifier = await createVerifier({ root, source, onError: (error) => console.error(error.message) });

const app = new Hono();
app.use(check({ verifier, requirement: { permission: "zone.view" } }));
app.get("/", (c) => c.text(`hello ${c.get("edgelatch").name}\n`));

serve({ fetch: app.fetch, port: Number(port), hostname: "127.0.0.1" }, (info) => console.log(`http://127.0.0.1:${info.port}/`));
