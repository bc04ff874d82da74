// Runs the suite on every runtime, or on those named: `node tests/runtimes/run.mjs [node express deno bun workerd miniflare]`.
import { execFile } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { crowded } from "./crowded.mjs";
import { startIngest } from "./ingest.mjs";
import { startOrigins } from "./origins.mjs";
import { trapping } from "./trap.mjs";
import { packageModules, startWorkerd, workDirectory } from "./workerd.mjs";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const fixture = JSON.parse(readFileSync(file("fixture.json"), "utf8"));
const ingest = await startIngest();
const bytes = (text) => Buffer.from(text, "base64");
const published = ({ head, bundle }) => ({ head: bytes(head), bundle: bytes(bundle), root: bytes(fixture.roots[1]) });
const origins = await startOrigins({ direct: published(fixture.snapshots.first), later: published(fixture.snapshots.second) });
const tool = (name) => file(`../../js/node_modules/.bin/${name}`);

async function native(command, args = [], program = "native.mjs") {
  const { stdout, stderr } = await promisify(execFile)(command, [...args, file(program)], {
    env: { ...process.env, DENO_NO_UPDATE_CHECK: "1", INGEST: ingest.url, ORIGINS: JSON.stringify(origins) },
    maxBuffer: 1 << 24,
  });
  if (stderr !== "") console.error(stderr);
  return JSON.parse(stdout);
}

/** What the worker imports beside the package, the main module first. */
const OWN_MODULES = [
  ...["worker.mjs", "suite.mjs", "idle.mjs", "redirects.mjs", "requirements.mjs", "routes.mjs", "usage.mjs"].map((name) => [name, "esModule", name]),
  ["fixture.json", "json", "fixture.json"],
];

async function workerd() {
  const directory = workDirectory();
  for (const [name] of OWN_MODULES) cpSync(file(name), join(directory, name));
  const modules = packageModules(directory);
  const wasm = readFileSync(join(directory, "edgelatch/wasm/edgelatch.wasm"));
  for (const [name, stopped] of [["trapsOnKey.wasm", "verify_key"], ["trapsOnPath.wasm", "path"], ["trapsOnIdentity.wasm", "identity"]]) {
    writeFileSync(join(directory, name), trapping(wasm, [stopped]));
    modules.unshift([name, "wasm", name]);
  }
  modules.unshift(...OWN_MODULES);
  const { listeners, stop } = await startWorkerd(directory, modules, [{ name: "suite", bindings: [["INGEST", "text", ingest.url], ["ORIGINS", "json", origins]] }]);
  try {
    const url = `http://127.0.0.1:${listeners[0].port}/`;
    const results = await (await fetch(url)).json();
    const told = (promise) => promise.then(() => null, (error) => error.message);
    return [
      ...results,
      ["usage: reported after the response, across requests", await told(reported(`${url}zones`))],
      ["workers: verify() alone, without a context, learns of a snapshot and of a revocation", await told(learned(`${url}alone`))],
      ["idle: the first request after two hours is answered by what the source says by then, across requests", await told(idled(`${url}idle`))],
      ...(process.platform === "linux" ? [["lazy: a million keys, strangers and a revocation within 64 MB", await told(crowded())]] : skipped("lazy: a million keys within 64 MB: memory is read on Linux only")),
    ];
  } finally {
    stop();
  }
}

function skipped(what) {
  console.log(`skipped  ${what}`);
  return [];
}

/** Sends requests to a worker that reports, and waits until each has arrived once; the first attempt is refused with 503. */
async function reported(url) {
  const { keys } = fixture;
  const ask = (ip) => fetch(url, { headers: { authorization: `Bearer ${keys.plain}`, "cf-connecting-ip": ip } }).then((reply) => reply.text());
  for (const ip of ["192.0.2.1", "192.0.2.2", "192.0.2.3"]) await ask(ip);
  await Promise.all(["192.0.2.4", "192.0.2.5", "192.0.2.6, 192.0.2.7"].map(ask));
  let found;
  for (let i = 0; i < 500; i++) {
    const taken = (await ingest.calls("busy.worker")).slice(1); // all but the one that was refused
    found = taken.flatMap(({ batch }) => batch.events.map((event) => event.ip ?? "unknown")).sort().join(" ");
    if (found === "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 unknown") return;
    await new Promise((turn) => setTimeout(turn, 20));
  }
  throw new Error(`found ${found}`);
}

/** A worker that nobody asks for two hours, in which a key is revoked. */
async function idled(url) {
  const ask = async (path = "") => (await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${fixture.keys.leaving}` } })).status;
  const found = [await ask(), await ask(), await ask("/later"), await ask(), await ask()].join(" ");
  if (found !== "200 200 204 401 401") throw new Error(`found ${found}`);
}

/** A worker that is told nothing about the requests that it answers. A refresh that ended with its request would not begin anew for half a minute. */
async function learned(url) {
  const ask = async (path = "") => (await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${fixture.keys.leaving}` }, signal: AbortSignal.timeout(10_000) })).text();
  const until = async (expected) => {
    let found;
    for (let i = 0; i < 100 && found !== expected; i++) {
      found = await ask();
      await new Promise((turn) => setTimeout(turn, 50));
    }
    if (found !== expected) throw new Error(`found ${found} instead of ${expected}`);
  };
  await until("valid");
  await ask("/revoke");
  await until("revoked");
  await ask("/load");
}

const runtimes = {
  node: () => native(process.execPath),
  express: () => native(process.execPath, [], "express.mjs"),
  deno: () => native(tool("deno"), ["run", "-A", "--node-modules-dir=manual"]),
  bun: () => native(tool("bun")),
  workerd,
  miniflare: () => native(process.execPath, [], "stores.mjs"),
};

let failed = 0;
const named = process.argv.slice(2);
for (const name of named.length > 0 ? named : Object.keys(runtimes)) {
  const results = await runtimes[name]().catch((error) => [["the suite ran", error.stderr || error.stack]]);
  const broken = results.filter(([, error]) => error !== null);
  failed += broken.length;
  for (const [test, error] of broken) console.log(`${name}: ${test}: ${error}`);
  console.log(`${name}: ${results.length - broken.length} passed, ${broken.length} failed`);
}
process.exit(failed > 0 ? 1 : 0);
