// `fetch.mjs none|edgelatch DIR` on Deno or Bun: their own server with a fetch handler, bare or behind `protect`. Says its port in a line.
import process from "node:process";
import { protect } from "edgelatch";
import { BODY, REQUIREMENT, verifierOf } from "../realm.mjs";

const [kind, dir] = process.argv.slice(2);
const hello = () => new Response(BODY);
const fetch = kind === "none" ? hello : protect(hello, { verifier: await verifierOf(dir), requirement: REQUIREMENT });
const listening = (port) => console.log(JSON.stringify({ port }));
const address = { hostname: "127.0.0.1", port: 0 };

if (globalThis.Deno) Deno.serve({ ...address, onListen: ({ port }) => listening(port) }, fetch);
else listening(Bun.serve({ ...address, fetch }).port);
process.stdin.on("end", () => process.exit()).resume();
