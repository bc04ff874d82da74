// Starts each example against a published realm on HTTP, sends it requests, revokes a key and waits until it is refused:
// `node tests/runtimes/examples.mjs [node-http deno bun workerd]`.
import { execFileSync, spawn } from "node:child_process";
import { cpSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { packageModules, startWorkerd, workDirectory } from "./workerd.mjs";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const tool = (name) => file(`../../js/node_modules/.bin/${name}`);

/** The examples go by the real clock; the second snapshot is issued half a day after the first. */
const start = String(Math.floor(Date.now() / 1000) - 43_200);
const { keys, roots, snapshots } = JSON.parse(
  execFileSync("cargo", ["run", "-q", "-p", "edgelatch-testkit", "--example", "fixture", "--", start], { cwd: file("../.."), encoding: "utf8" }),
);
const [first, second] = [snapshots.first, snapshots.second].map(({ head, bundle }) => ({
  head: Buffer.from(head, "base64"),
  bundle: Buffer.from(bundle, "base64"),
}));

let published = first;
const realm = createServer((request, response) => {
  const object = { "/r/acme/head": published.head, "/r/acme/bundle": published.bundle }[request.url];
  const etag = `"${published === first ? 1 : 2}"`;
  if (object === undefined) response.writeHead(404).end();
  else if (request.headers["if-none-match"] === etag) response.writeHead(304).end();
  else response.writeHead(200, { etag }).end(object);
});
await new Promise((resolve) => realm.listen(0, "127.0.0.1", resolve));
const variables = { EDGELATCH_ROOT: roots[0], EDGELATCH_SOURCE: `http://127.0.0.1:${realm.address().port}/r/acme` };

/** @returns `{ url, stop }` of a program that prints its URL as its first line. */
async function run(command, ...args) {
  const child = spawn(command, args, {
    cwd: file("../../examples"),
    env: { ...process.env, ...variables, PORT: "0", DENO_NO_UPDATE_CHECK: "1" },
    stdio: ["ignore", "pipe", "ignore"],
  });
  process.on("exit", () => child.kill());
  for await (const line of createInterface({ input: child.stdout })) return { url: line, stop: () => child.kill() };
  throw new Error("it ended without a word");
}

async function workerd() {
  const directory = workDirectory();
  cpSync(file("../../examples/workerd/worker.mjs"), join(directory, "worker.mjs"));
  const modules = [["worker.mjs", "esModule", "worker.mjs"], ...packageModules(directory)];
  const bindings = Object.entries(variables).map(([name, value]) => [name, "text", value]);
  const { listeners, stop } = await startWorkerd(directory, modules, [{ name: "example", bindings }]);
  return { url: `http://127.0.0.1:${listeners[0].port}/`, stop };
}

const examples = {
  "node-http": () => run(process.execPath, "node-http/server.mjs"),
  deno: () => run(tool("deno"), "run", "-A", "--node-modules-dir=manual", "deno/server.ts"),
  bun: () => run(tool("bun"), "bun/server.ts"),
  workerd,
};

const named = process.argv.slice(2);
const names = named.length > 0 ? named : Object.keys(examples);
const running = await Promise.all(names.map(async (name) => ({ name, ...(await examples[name]()) })));
let failed = 0;

const ask = async ({ url }, key) => {
  const reply = await fetch(url, { headers: key === undefined ? {} : { authorization: `Bearer ${keys[key]}` } });
  return `${reply.status} ${(await reply.text()).slice(0, 20).trim()}`;
};
const expect = async (example, key, expected) => {
  const found = await ask(example, key);
  if (found.startsWith(expected)) return;
  failed++;
  console.log(`${example.name}: ${key ?? "no key"}: expected ${expected}, found ${found}`);
};

for (const example of running) {
  await expect(example, "leaving", "200 hello Key “leaving”");
  await expect(example, "stranger", "401");
  await expect(example, undefined, "401");
  await expect(example, "office", "403");
}
published = second;
const since = Date.now();
const seconds = () => (Date.now() - since) / 1000;
await Promise.all(
  running.map(async (example) => {
    while ((await ask(example, "leaving")).startsWith("200") && seconds() < 30) await new Promise((turn) => setTimeout(turn, 200));
    await expect(example, "leaving", "401");
    console.log(`${example.name}: the revoked key was refused after ${seconds().toFixed(1)} s`);
    example.stop();
  }),
);
realm.close();
process.exit(failed > 0 ? 1 : 0);
