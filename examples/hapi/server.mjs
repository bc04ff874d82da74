// npm install edgelatch @hapi/hapi
// EDGELATCH_ROOT=<base64> EDGELATCH_SOURCE=https://keys.example.com/r/acme PORT=8080 node server.mjs
import { server as create } from "@hapi/hapi";
import { createVerifier } from "edgelatch";
import { check } from "edgelatch/hapi";

const { EDGELATCH_ROOT: root, EDGELATCH_SOURCE: source, PORT: port = "8080" } = process.env;
const verifier = await createVerifier({ root, source, onError: (error) => console.error(error.message) });

const server = create({ port, host: "127.0.0.1" });
server.ext("onPreAuth", check({ verifier, requirement: { permission: "zone.view" } }));
server.route({ method: "GET", path: "/", handler: (request) => `hello ${request.plugins.edgelatch.name}\n` });

await server.start();
console.log(`http://127.0.0.1:${server.info.port}/`);
