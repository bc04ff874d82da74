// Serves the header cases on one framework, as the servers in tests/conformance/servers do on runtimes: `node headers.mjs koa3 CONFIG.json`; Deno and Bun run it too.
import process from "node:process";
import "./beside.mjs";
import { host, readConfig, ready } from "../conformance/servers/native.mjs";
import { answer, listenerOptions, load } from "../conformance/servers/shared.mjs";
import { RAW } from "./servers/raw.mjs";

const { createVerifier } = await import("edgelatch"); // which lies there by now
const [framework, file] = process.argv.slice(2);
const { config, objects, clock } = readConfig(file);
const listeners = [];
for (const listener of config.listeners) {
  const made = await listenerOptions(listener, objects, clock, host);
  const verifier = await load(createVerifier, made, clock.now);
  listeners.push({ name: listener.name, port: await RAW[framework]({ verifier, requirement: made.requirement }, answer) });
}
ready(framework, listeners);
