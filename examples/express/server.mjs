// npm install edgelatch express
// EDGELATCH_ROOT=<base64> EDGELATCH_SOURCE=https://keys.example.com/r/acme PORT=8080 node server.mjs
import { createVerifier } from "edgelatch";
import { middleware } from "edgelatch/node";
import express from "express";

const { EDGELATCH_ROOT: root, EDGELATCH_SOURCE: source, PORT: port = "8080" } = process.env;
const verifier = await createVerifier({ root, source, onError: (error) => console.error(error.message) });

const app = express();
app.use(middleware({ verifier, requirement: { permission: "zone.view" } }));
app.get("/", (request, response) => response.send(`hello ${request.edgelatch.name}\n`));

const server = app.listen(Number(port), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/`));
