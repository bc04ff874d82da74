// KV, the Cache API and R2 as Workers have them (Miniflare): what an isolate has kept serves the next one, whose source is down.
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { publish, tree, treeOf } from "./publisher.mjs";
import { equal, run } from "./suite.mjs";
import { packageModules, workDirectory } from "./workerd.mjs";

const { Miniflare } = createRequire(new URL("../../js/package.json", import.meta.url))("miniflare");
const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const fixture = JSON.parse(readFileSync(file("fixture.json"), "utf8"));
const { keys, start, life } = fixture;
const [before, after] = ["first", "second"].map((name) => treeOf(Buffer.from(fixture.snapshots[name].bundle, "base64")));
const KINDS = { esModule: "ESModule", wasm: "CompiledWasm" };

/** The Worker over stores in a directory, which outlive it. */
function optionsFor(directory, persisted) {
  cpSync(file("stores-worker.mjs"), join(directory, "worker.mjs"));
  const modules = [["worker.mjs", "esModule", "worker.mjs"], ...packageModules(directory)];
  return {
    modules: modules.map(([name, kind, path]) => ({ type: KINDS[kind], path: join(directory, name), contents: readFileSync(join(directory, path)) })),
    modulesRoot: directory, compatibilityDate: "2025-09-01", cf: false, kvNamespaces: ["KV"], r2Buckets: ["BUCKET"],
    kvPersist: join(persisted, "kv"), r2Persist: join(persisted, "r2"), cachePersist: join(persisted, "cache"),
    bindings: { EDGE: { root: fixture.roots[0], now: start + 10 } },
  };
}

const directory = workDirectory();
const persisted = mkdtempSync(join(tmpdir(), "edgelatch-stores-"));
let host = new Miniflare(optionsFor(directory, persisted));

async function restart() {
  await host.dispose();
  host = new Miniflare(optionsFor(directory, persisted));
}

/** Shows an epoch in the bucket; none takes away what is there. */
async function show(epoch, shown) {
  const bucket = await host.getR2Bucket("BUCKET");
  for (const [name, bytes] of Object.entries(shown === undefined ? {} : publish({ epoch, tree: shown, issuedAt: start, life }))) await bucket.put(`r/acme/${name}`, Uint8Array.from(bytes));
  if (shown === undefined) for (const { key } of (await bucket.list()).objects) await bucket.delete(key);
}

const ask = async (name, key) => (await host.dispatchFetch(`https://edge.example/${name}`, { headers: { authorization: `Bearer ${keys[key]}` } })).status;

async function until(what, found, expected) {
  let last;
  for (let tries = 0; tries < 400; tries++) {
    last = await found();
    if (last === expected) return;
    await new Promise((turn) => setTimeout(turn, 25));
  }
  throw new Error(`${what}: found ${last} instead of ${expected}; ${await (await host.dispatchFetch("https://edge.example/errors")).text()}`);
}

/** What is kept, by name. */
const kept = {
  kv: async (name) => (await (await host.getKVNamespace("KV")).get(name, "arrayBuffer")) ?? undefined,
  web: async (name) => (await (await host.getCaches()).default.match(`https://edgelatch.invalid/${name}`))?.arrayBuffer(),
  named: async (name) => (await (await (await host.getCaches()).open("own")).match(`https://edgelatch.invalid/${name}`))?.arrayBuffer(),
};
const NAMES = Object.keys(kept);
const epochOf = (value) => value && new DataView(value).getFloat64(12, true); // of a value's header

const tests = {
  async "an isolate begins with what the one before it kept, while its source is down"() {
    await show(5, before);
    for (const name of [...NAMES, "none"]) equal([name, await ask(name, "leaving")], [name, 200]);
    await show(6, after);
    for (const name of [...NAMES, "none"]) await until(name, () => ask(name, "leaving"), 401);
    for (const name of NAMES) await until(name, async () => epochOf(await kept[name]("edgelatch-acme-tree")), 6);
    await show();
    await restart();
    for (const name of NAMES) equal([name, await ask(name, "leaving"), await ask(name, "plain"), await ask(name, "stranger")], [name, 401, 200, 401]);
    equal(await ask("none", "plain"), 503);
  },
  async "verify() alone, without a context: what it learned is kept, and begun with"() {
    await show(5, before);
    await until("alone", () => ask("alone", "leaving"), 200);
    await show(6, after);
    await until("alone", () => ask("alone", "leaving"), 401);
    await until("alone", async () => epochOf(await kept.kv("own-edgelatch-acme-tree")), 6);
    await show();
    await restart();
    await until("alone", () => ask("alone", "leaving"), 401);
    equal(await ask("alone", "plain"), 200);
  },
  async "it goes on with what the source says as soon as there is one"() {
    await show(7, before);
    for (const name of [...NAMES, "none"]) await until(name, () => ask(name, "leaving"), 200);
  },
  async "a realm of many objects goes through all of them, in pieces"() {
    const large = tree(100_000);
    await show(8, large);
    for (const name of NAMES) await until(name, async () => (await ask(name, "plain")), 401); // nobody holds a key of it
    for (const name of NAMES) await until(name, async () => (await kept[name]("edgelatch-acme-tree"))?.byteLength > large.bytes.length, true);
    await show();
    await restart();
    for (const name of NAMES) equal([name, await ask(name, "plain")], [name, 401]);
    equal(await ask("none", "plain"), 503);
  },
};

try {
  console.log(JSON.stringify(await run(Object.entries(tests))));
} finally {
  await host.dispose();
  for (const made of [directory, persisted]) rmSync(made, { recursive: true, force: true });
}
