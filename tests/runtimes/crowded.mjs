// A million keys behind a lazy Worker in workerd: what it takes of memory, what it fetches, and a revocation.
import assert from "node:assert/strict";
import { cpSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { keyText, objectsOf, patch, publish, treeOfKeys } from "./publisher.mjs";
import { packageModules, startWorkerd, workDirectory } from "./workerd.mjs";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const MEGABYTE = 1 << 20;
/** What a Worker may have is 128 MB, the handler's own included. */
const MOST = 64 * MEGABYTE;
const KEYS = 1_000_000;
const HELD = 2000;
const AT_ONCE = 20;
/** Requests between two collections of garbage, which V8 would put off as long as the machine has memory: a bare Worker takes some 15 kB a request. */
const COLLECTED = 100;

const texts = Array.from({ length: HELD }, (_, number) => keyText(number));
/** Well formed, and of no realm. */
const stranger = (number) => keyText(KEYS + number);

/** A published realm over HTTP. `get` says how often what was asked for. */
async function serve(fixture, first) {
  const files = new Map();
  const asked = { head: 0, bundle: 0, patch: 0, objects: 0, bundleBytes: 0 };
  const show = (tree, epoch) => {
    const { head, bundle } = publish({ epoch, tree, issuedAt: fixture.start, life: fixture.life });
    files.set("head", head).set("bundle", bundle);
    for (const [digest, object] of objectsOf(tree)) files.set(`objects/${digest}`, object);
  };
  show(first, 5);
  const server = createServer((request, response) => {
    const path = request.url.slice(1);
    const found = files.get(path);
    asked[path.split("/")[0]]++;
    if (found === undefined) return response.writeHead(404).end();
    if (path !== "bundle") return response.end(found);
    // In pieces, as long as somebody reads.
    response.on("close", () => (asked.bundleBytes += request.socket.bytesWritten));
    response.writeHead(200, { "content-length": found.length });
    let at = 0;
    const more = () => {
      while (at < found.length && !response.destroyed) if (!response.write(found.subarray(at, (at += 1 << 16)))) return response.once("drain", more);
      if (!response.destroyed) response.end();
    };
    more();
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const lead = (from, to) => files.set(`patch/${to.id}/${from.id}`, patch(from, to));
  return { url: `http://127.0.0.1:${server.address().port}`, asked, show, lead, stop: () => server.close() };
}

/** Bytes of resident memory: now, or at most so far. */
function memory(pid, field) {
  const [, kilobytes] = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return 1024 * Number(kilobytes);
}

/** Resolves to what a Worker did whose memory was watched; throws where it did something else. */
export async function crowded() {
  const fixture = JSON.parse(readFileSync(file("fixture.json"), "utf8"));
  const tree = treeOfKeys(texts, new Set(), KEYS);
  const realm = await serve(fixture, tree);
  const directory = workDirectory();
  cpSync(file("crowded-worker.mjs"), join(directory, "crowded-worker.mjs"));
  const modules = [["crowded-worker.mjs", "esModule", "crowded-worker.mjs"], ...packageModules(directory)];
  const settings = { root: fixture.roots[0], url: realm.url, now: (fixture.start + 10) * 1000 };
  const { listeners, pid, stop } = await startWorkerd(directory, modules, [{ name: "crowded", bindings: [["REALM", "json", settings]] }], ["--expose-gc"]);
  const worker = `http://127.0.0.1:${listeners[0].port}/`;
  const ask = async (text) => (await fetch(worker, { headers: { authorization: `Bearer ${text}` } })).status;
  const all = async (list) => {
    const statuses = {};
    for (let at = 0; at < list.length; at += AT_ONCE) {
      if (at % COLLECTED === 0) await fetch(`${worker}collect`);
      for (const status of await Promise.all(list.slice(at, at + AT_ONCE).map(ask))) statuses[status] = (statuses[status] ?? 0) + 1;
    }
    return statuses;
  };
  try {
    const before = memory(pid, "VmRSS");
    assert.deepEqual(await all(texts), { 200: HELD });
    assert.deepEqual(await all(Array.from({ length: HELD }, (_, number) => stranger(number))), { 401: HELD });
    assert.deepEqual(await all(texts), { 200: HELD });
    const next = treeOfKeys(texts, new Set([texts[7]]), KEYS);
    realm.lead(tree, next);
    realm.show(next, 6);
    for (let tries = 0; (await ask(texts[7])) !== 401; tries++) {
      assert.ok(tries < 500, "the revocation never came");
      await new Promise((turn) => setTimeout(turn, 10));
    }
    assert.equal(realm.asked.patch, 1);
    assert.deepEqual(await all(texts), { 200: HELD - 1, 401: 1 });
    const grown = memory(pid, "VmHWM") - before;
    assert.ok(grown < MOST, `a lazy Worker over ${KEYS} keys took ${grown / MEGABYTE} MB, and may take ${MOST / MEGABYTE}`);
    assert.ok(realm.asked.bundle === 1 && realm.asked.bundleBytes < tree.bytes.length / 4, `${realm.asked.bundleBytes} bytes of the bundle were sent`);
    return { grown, treeBytes: tree.bytes.length, ...realm.asked };
  } finally {
    stop();
    realm.stop();
  }
}

if (process.argv[1] === file("crowded.mjs")) {
  const { grown, treeBytes, ...asked } = await crowded();
  console.log(`a lazy Worker over ${KEYS} keys (${(treeBytes / MEGABYTE).toFixed(1)} MB): +${(grown / MEGABYTE).toFixed(1)} MB at most`, asked);
  process.exit();
}
