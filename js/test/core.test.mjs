// Where the core comes from, and what is said when it does not come.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { bufferedCore } from "../dist/entry/core/buffered.js";
import { decodedCore } from "../dist/entry/core/decoded.js";
import { edgeLight } from "../dist/entry/host/edge-light.js";
import { createVerifier } from "../dist/entry/node.js";
import { createVerifier as slim } from "../dist/entry/slim/timers.js";

const BYTES = readFileSync(new URL("../wasm/edgelatch.wasm", import.meta.url));
const file = await WebAssembly.compile(BYTES);
const options = { root: "AAAA", source: "https://h/", refresh: { mode: "manual" } };
const REMEDY = /^wasm: .*pass the option `wasm`.*docs\/bundlers\.md/;
const refused = (make, more) => assert.rejects(make({ ...options, ...more }), (error) => error instanceof TypeError && REMEDY.test(error.message));

test("the core imports nothing: it reads no clock and no randomness, and speaks to nobody", () => {
  assert.deepEqual(WebAssembly.Module.imports(file), []);
  assert.deepEqual(WebAssembly.Module.exports(file).filter(({ kind }) => kind !== "function"), [{ name: "memory", kind: "memory" }]);
});

test("the core's text is the file, however it is decoded", async (t) => {
  const exports = WebAssembly.Module.exports(file);
  const bytes = [];
  t.mock.method(WebAssembly, "compile", async (given) => (bytes.push(Buffer.from(given)), new WebAssembly.Module(given)));
  for (const core of [bufferedCore, decodedCore]) assert.deepEqual(WebAssembly.Module.exports(await core()), exports);
  const own = Uint8Array.fromBase64;
  Uint8Array.fromBase64 = (text) => new Uint8Array(Buffer.from(text, "base64"));
  await decodedCore();
  if (own === undefined) delete Uint8Array.fromBase64;
  else Uint8Array.fromBase64 = own;
  assert.equal(bytes.length, 3);
  for (const found of bytes) assert.ok(found.equals(BYTES));
});

test("what is no module, or does not compile, is one error that says what to do", async (t) => {
  for (const wasm of ["/edgelatch.wasm", new Uint8Array(8), () => file, Promise.resolve(file), { default: file }, null, 7]) await refused(createVerifier, { wasm });
  await refused(slim, {});
  await refused(slim, { wasm: undefined });
  const { mock } = t.mock.method(WebAssembly, "compile", async () => { throw new Error("disallowed by embedder"); });
  await refused(createVerifier, {});
  mock.restore();
  await assert.rejects(createVerifier(options), (error) => !REMEDY.test(error.message), "the next call tries again, and comes to the root");
});

test("Vercel: work is kept alive by the handler's context, or by the request that is being answered", () => {
  const kept = [];
  const { waitUntil } = edgeLight.context(undefined, [{ waitUntil: (work) => kept.push(work) }]);
  waitUntil("by the context");
  assert.equal(edgeLight.context(undefined, []).waitUntil, undefined);
  edgeLight.waitUntil("nowhere to keep it");
  const name = Symbol.for("@vercel/request-context");
  globalThis[name] = { get: () => ({ waitUntil: (work) => kept.push(work) }) };
  edgeLight.waitUntil("by the platform");
  delete globalThis[name];
  assert.deepEqual(kept, ["by the context", "by the platform"]);
});
