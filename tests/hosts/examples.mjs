// Each example for a framework, beside the frameworks: a key passes, another does not. And `js/docs/hosts.md` shows their lines.
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import "./beside.mjs";
import { publish, treeOf } from "../runtimes/publisher.mjs";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const { keys, roots, snapshots, life } = JSON.parse(readFileSync(file("../runtimes/fixture.json"), "utf8"));

// The examples go by the real clock.
const published = publish({ epoch: 50, issuedAt: Math.floor(Date.now() / 1000) - 60, life, tree: treeOf(Buffer.from(snapshots.first.bundle, "base64")) });
const realm = createServer((request, response) => {
  const object = { "/r/acme/head": published.head, "/r/acme/bundle": published.bundle }[request.url];
  response.writeHead(object === undefined ? 404 : 200).end(object);
});
await new Promise((resolve) => realm.listen(0, "127.0.0.1", resolve));
const variables = { EDGELATCH_ROOT: roots[0], EDGELATCH_SOURCE: `http://127.0.0.1:${realm.address().port}/r/acme`, PORT: "0" };
const directory = mkdtempSync(file("./running-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));

/** A copy beside the frameworks. */
function copied(example) {
  const copy = join(directory, example);
  mkdirSync(join(copy, ".."), { recursive: true });
  cpSync(file(`../../examples/${example}`), copy);
  return copy;
}

async function start(example) {
  const runtime = example.startsWith("elysia/") ? file("../../js/node_modules/.bin/bun") : process.execPath;
  const child = spawn(runtime, [copied(example)], { env: { ...process.env, ...variables }, stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) return { url: line, stop: () => child.kill() };
  throw new Error("it ended without a word");
}

const HELLO = "hello Key “plain”";
const bearer = (key) => ({ authorization: `Bearer ${keys[key]}` });

async function overHttp(example) {
  const { url, stop } = await start(example);
  try {
    const ask = async (headers) => {
      const reply = await fetch(url, { headers: { connection: "close", ...headers } });
      return reply.status === 200 ? (await reply.text()).trim() : reply.status;
    };
    return [await ask(bearer("plain")), await ask(bearer("stranger")), await ask({})];
  } finally {
    stop();
  }
}

async function overSockets(example) {
  const { WebSocket } = createRequire(import.meta.url)("ws");
  const { url, stop } = await start(example);
  const ask = (headers) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(url.replace("http", "ws"), { headers });
      socket.on("message", (data) => (resolve(String(data)), socket.terminate())).on("error", reject).on("unexpected-response", (_, reply) => resolve(reply.statusCode));
    });
  try {
    return [await ask(bearer("plain")), await ask(bearer("stranger")), await ask({})];
  } finally {
    stop();
  }
}

async function called(example) {
  Object.assign(process.env, variables);
  const { handler } = await import(copied(example));
  const event = JSON.parse(readFileSync(file("events/http-api.json"), "utf8"));
  delete event.headers["x-api-key"];
  const ask = async (headers) => {
    const { statusCode, body } = await handler({ ...event, headers: { ...event.headers, ...headers } }, {});
    return statusCode === 200 ? body.trim() : statusCode;
  };
  return [await ask(bearer("plain")), await ask(bearer("stranger")), await ask({})];
}

/** What Next does with it is Next's: its function is called with a request. */
async function routed(example) {
  Object.assign(process.env, variables);
  const source = readFileSync(file(`../../examples/${example}`), "utf8");
  if (/: [A-Z]\w+/.test(source)) throw new Error("it has types, and cannot run as JavaScript");
  const copy = copied(example).replace(/\.ts$/, ".mjs");
  cpSync(copied(example), copy);
  const { GET } = await import(copy);
  const ask = async (headers) => {
    const reply = await GET(new Request("https://h.example.com/zones", { headers }), { params: Promise.resolve({}) });
    return reply.status === 200 ? (await reply.text()).trim() : reply.status;
  };
  return [await ask(bearer("plain")), await ask(bearer("stranger")), await ask({})];
}

const EXAMPLES = {
  ...Object.fromEntries(["express", "fastify", "koa", "hono", "h3", "hapi", "elysia"].map((name) => [`${name}/server.mjs`, overHttp])),
  "websocket/server.mjs": overSockets,
  "lambda/handler.mjs": called,
  "next/app/zones/route.ts": routed,
};

/** Those that are built first, by tests/hosts/bundlers. */
const BUILT = ["sveltekit/src/hooks.server.js", "astro/src/middleware.js", "react-router/app/check.server.js"];

/** The programs of the page, each with the example that is named before it. */
function shown() {
  const page = readFileSync(file("../../js/docs/hosts.md"), "utf8");
  const found = [...page.matchAll(/`examples\/([^`]+\.\w+)`[^`]*\n\n```js\n(.*?)^```$/gms)];
  const programs = page.match(/^```js$/gm) ?? [];
  if (found.length !== programs.length) throw new Error("a program of js/docs/hosts.md names no example");
  return found.map(([, example, text]) => [example, text]);
}

let [passed, failed] = [0, 0];
function tell(what, fault) {
  if (fault === undefined) passed++;
  else failed++;
  if (fault !== undefined) console.log(`examples: ${what}: ${fault}`);
}
for (const [example, ask] of Object.entries(EXAMPLES)) {
  const found = await ask(example).then(String, (error) => error.stack);
  tell(example, found === `${HELLO},401,401` ? undefined : found);
}
const pages = shown();
for (const example of [...Object.keys(EXAMPLES), ...BUILT]) {
  const text = readFileSync(file(`../../examples/${example}`), "utf8");
  const parts = pages.filter(([name]) => name === example).flatMap(([, program]) => program.split("\n\n"));
  const missing = parts.length === 0 ? "nothing of it" : parts.find((part) => !text.includes(part.trim()));
  tell(`${example} in js/docs/hosts.md`, missing && `the page shows what it does not have: ${missing}`);
}
console.log(`examples: ${passed} passed, ${failed} failed`);
realm.close();
process.exit(failed > 0 ? 1 : 0);
