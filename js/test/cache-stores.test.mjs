// The stores for what an edge keeps, and the source in an R2 bucket: how each speaks to its host.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { pathToFileURL } from "node:url";
import { cacheApi, kvCache, r2Source } from "../dist/entry/node.js";
import { fileCache } from "../dist/entry/file.js";
import { signal } from "./edge.mjs";

const bytes = (text) => new TextEncoder().encode(text);
const text = async (value) => (value === undefined ? undefined : new Response(value).text());
const scratch = (use) => async () => {
  const directory = mkdtempSync(join(tmpdir(), "edgelatch-cache-"));
  try {
    await use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
};

test("files: what was put is found, by another process too, and by nobody but the owner", scratch(async (directory) => {
  const deep = join(directory, "a", "b");
  const cache = fileCache(deep);
  assert.equal(await cache.get("one"), undefined);
  await cache.put("one", bytes("first"));
  await cache.put("one", bytes("second"));
  assert.equal(await text(await fileCache(pathToFileURL(deep)).get("one")), "second");
  assert.deepEqual([readdirSync(deep), statSync(join(deep, "one")).mode & 0o777, statSync(deep).mode & 0o777], [["one"], 0o600, 0o700]);
}));

test("files: of many writers at once one wins, and whoever reads meanwhile finds a whole value", scratch(async (directory) => {
  const caches = [fileCache(directory), fileCache(directory)];
  const values = Array.from({ length: 20 }, (_, n) => bytes(String.fromCharCode(97 + n).repeat(100_000)));
  await caches[0].put("one", values[0]);
  let writing = true;
  const readers = Array.from({ length: 4 }, async () => {
    while (writing) {
      const found = await caches[1].get("one");
      assert.ok(found.length === 100_000 && found.every((byte) => byte === found[0]));
    }
  });
  await Promise.all(values.map((value, n) => caches[n % 2].put("one", value)));
  writing = false;
  await Promise.all(readers);
  assert.deepEqual(readdirSync(directory), ["one"]);
}));

test("files: a write that fails leaves what was there, and what a dead process left behind is removed", scratch(async (directory) => {
  const cache = fileCache(directory);
  await cache.put("one", bytes("first"));
  writeFileSync(join(directory, "one.x.unfinished"), "half");
  writeFileSync(join(directory, "one.y.unfinished"), "of a process that still writes");
  utimesSync(join(directory, "one.x.unfinished"), 1, 1);
  await cache.put("one", bytes("second"));
  assert.deepEqual(readdirSync(directory).sort(), ["one", "one.y.unfinished"]);
  await assert.rejects(cache.put("one", { length: 7 }));
  assert.deepEqual([readdirSync(directory).sort(), readFileSync(join(directory, "one"), "utf8")], [["one", "one.y.unfinished"], "second"]);
  await assert.rejects(fileCache(join(directory, "one")).put("two", bytes("x")), { code: "EEXIST" });
}));

test("the Cache API: under a host that nobody can ask for, in the default cache where there is one", async () => {
  const opened = [];
  const open = (name) => {
    const held = new Map();
    opened.push(name);
    return { held, match: async (url) => held.get(url)?.clone(), put: async (url, response) => void held.set(url, response) };
  };
  const mine = open("mine");
  const cache = cacheApi({ cache: mine });
  assert.equal(await cache.get("one"), undefined);
  await cache.put("one", bytes("first"));
  assert.equal(await text(await cache.get("one")), "first");
  const [[url, response]] = [...mine.held];
  assert.deepEqual([url, response.headers.get("cache-control"), response.headers.get("content-length")], ["https://edgelatch.invalid/one", "public, max-age=2592000", "5"]);
  const saved = Object.getOwnPropertyDescriptor(globalThis, "caches");
  const set = (value) => Object.defineProperty(globalThis, "caches", { value, configurable: true });
  try {
    set({ default: open("default"), open: async (name) => open(name) });
    opened.length = 0;
    await cacheApi().get("x");
    await cacheApi({ name: "own" }).get("x");
    set({ open: async (name) => open(name) });
    await cacheApi().get("x");
    assert.deepEqual(opened, ["own", "edgelatch"]);
    set(undefined);
    await assert.rejects(cacheApi().get("x"), { code: "unreachable" });
  } finally {
    if (saved === undefined) delete globalThis.caches;
    else Object.defineProperty(globalThis, "caches", saved);
  }
  assert.throws(() => cacheApi({ nmae: "x" }), /unknown option "nmae"/);
});

test("KV: a value that it would not take is refused before it is sent, and says so", async () => {
  const held = new Map();
  const cache = kvCache({ get: async (name, type) => (assert.equal(type, "stream"), held.has(name) ? new Response(held.get(name)).body : null), put: async (name, value) => void held.set(name, value) });
  assert.equal(await cache.get("one"), undefined);
  await cache.put("one", bytes("first"));
  assert.equal(await text(await cache.get("one")), "first");
  await assert.rejects(cache.put("one", new Uint8Array(25 * 1024 * 1024 + 1)), { code: "too_large", message: /26214401 bytes.*26214400/ });
  for (const wrong of [undefined, null, {}, { get() {} }]) assert.throws(() => kvCache(wrong), /KV binding/);
});

test("R2: what is not there, as before, or too large", async () => {
  const objects = { "r/acme/head": "h", "r/acme/bundle": "whole", "r/acme/root/2": "root", "r/acme/patch/to/from": "patch", "r/acme/objects/ab": "object" };
  let cancelled = 0;
  const bucket = { get: async (key, { onlyIf } = {}) => {
    const value = objects[key];
    if (value === undefined) return null;
    const about = { etag: `tag-${value}`, size: value.length };
    if (onlyIf?.etagDoesNotMatch === about.etag) return about;
    return { ...about, body: new ReadableStream({ start: (to) => (to.enqueue(bytes(value)), to.close()), cancel: () => void cancelled++ }), arrayBuffer: async () => bytes(value).buffer };
  } };
  for (const prefix of ["r/acme", "r/acme/"]) {
    const source = r2Source(bucket, prefix);
    const head = await source.head({ signal });
    assert.deepEqual([await text(head.bytes), head.etag], ["h", "tag-h"]);
    assert.equal(await source.head({ signal, etag: "tag-h" }), undefined);
    const bundle = await source.bundle({ signal, maxBytes: 5 });
    assert.deepEqual([await text(bundle.stream), bundle.etag], ["whole", "tag-whole"]);
    assert.equal(await source.bundle({ signal, etag: "tag-whole" }), undefined);
    assert.deepEqual([await text(await source.root(2, { signal })), await source.root(3, { signal })], ["root", undefined]);
    assert.deepEqual([await text(await source.patch("from", "to", { signal })), await source.patch("to", "from", { signal })], ["patch", undefined]);
    assert.deepEqual([await text(await source.object("ab", { signal })), await source.object("cd", { signal })], ["object", undefined]);
  }
  const source = r2Source(bucket, "r/acme");
  await assert.rejects(source.bundle({ signal, maxBytes: 4 }), { code: "too_large", message: /5 bytes.*limit of 4/ });
  assert.equal(cancelled, 1);
  assert.equal(await text((await source.bundle({ signal, maxBytes: 4, beginning: true })).stream), "whole");
  for (const method of ["head", "bundle"]) await assert.rejects(r2Source(bucket, "r/other")[method]({ signal }), { code: "source", message: new RegExp(`r/other/${method}`) });
  await assert.rejects(source.head({ signal: AbortSignal.abort(new Error("late")) }), /late/);
  for (const wrong of [undefined, null, {}]) assert.throws(() => r2Source(wrong), /R2 binding/);
});
