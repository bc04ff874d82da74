// Verdicts and the trees in which they were reached: kept as long as somebody may ask, and no longer; and what a request leaves in memory.
import assert from "node:assert/strict";
import test from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { patch, tree } from "../../tests/runtimes/publisher.mjs";
import { createVerifier } from "../dist/entry/node.js";
import { Judgement } from "../dist/verdict.js";
import { after, at, before, bytes, edge, fixture, start } from "./edge.mjs";

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc");
const { keys } = fixture;
/** Until what cannot be reached is gone, and has been told. */
async function collected(until) {
  for (let turn = 0; turn < 50 && !until(); turn++) {
    gc();
    await new Promise((next) => setTimeout(next, 1));
  }
}
const verdict = (state) => new Judgement(state.engine.verifyKey(keys.plain, undefined, 1, state.now), state.engine, state.now, false);

test("a tree is kept as long as a verdict that was reached in it, however many others come and go", async () => {
  const state = await edge(at(5, before));
  const packed = state.engine.verifyKey(keys.plain, undefined, 1, state.now);
  const readable = () => [1, 2, 3, 4].filter((generation) => state.engine.identity(packed, generation) !== undefined);
  let first = verdict(state);
  for (const epoch of [6, 7, 8]) assert.equal(await state.refresh(at(epoch, epoch % 2 ? before : after)), "taken");
  await collected(() => readable().length === 2);
  assert.deepEqual([readable(), first.name, first.epoch], [[1, 4], "Key “plain”", 5]);
  first = undefined;
  await collected(() => readable().length === 1);
  assert.deepEqual(readable(), [4]);
});

test("a renewed head is of the same tree: what was reached under the one before keeps it too", async () => {
  const state = await edge(at(5, before));
  const early = verdict(state);
  assert.equal(await state.refresh(at(6, before)), "taken");
  assert.equal(await state.refresh(at(7, after)), "taken");
  await collected(() => false);
  assert.deepEqual([early.epoch, early.name], [5, "Key “plain”"]);
});

test("what is let go late is not taken for a tree of the instance that came after", async () => {
  const state = await edge(at(5, before));
  let early = verdict(state);
  state.stop();
  assert.equal(await state.refresh(at(6, after)), "taken");
  const released = [];
  const { exports } = state.engine.instance;
  state.engine.instance.exports = { ...exports, release: (generation) => void released.push(generation) };
  early = undefined;
  await collected(() => false);
  assert.deepEqual([early, released.filter((generation) => generation > 1), verdict(state).name], [undefined, [], "Key “plain”"]);
});

test("the tree before the one that serves stays readable, though all of it has changed", async () => {
  const [first, second, third] = [1, 2, 3].map((status) => tree(100_000, Object.fromEntries(Array.from({ length: 512 }, (_, n) => [n, status]))));
  const state = await edge(at(5, first));
  const before = state.engine.snapshot;
  const packed = 1024;
  assert.equal(await state.refresh({ ...at(6, second), patches: { [`${first.id} ${second.id}`]: patch(first, second) } }), "taken");
  assert.notEqual(state.engine.identity(packed, before.generation), undefined);
  assert.equal(await state.refresh({ ...at(7, third), patches: { [`${second.id} ${third.id}`]: patch(second, third) } }), "taken");
  assert.equal(state.engine.identity(packed, before.generation), undefined);
});

test("requests leave nothing in the core's memory, nor do updates that come between them", async () => {
  const shown = { ...at(5, before) };
  const source = { head: async () => ({ bytes: shown.head }), bundle: async () => ({ bytes: shown.bundle }) };
  let memory;
  const { Instance } = WebAssembly;
  WebAssembly.Instance = function (...args) {
    const made = new Instance(...args);
    memory = made.exports.memory;
    return made;
  };
  const verifier = await createVerifier({ root: bytes(fixture.roots[0]), source, refresh: { mode: "manual" }, now: () => (start + 10) * 1000, usage: { record() {} } });
  await verifier.refresh();
  WebAssembly.Instance = Instance;
  const lines = Array.from({ length: 10 }, (_, n) => [`X-Line-${n}`, "value"]).flat();
  const requests = ["plain", "office", "revoked", "stranger"].map((key) => ({ method: "GET", url: "/a/%61?x", rawHeaders: ["Host", "h", ...lines, "Authorization", `Bearer ${keys[key]}`], socket: { remoteAddress: "198.51.100.9" } }));
  const rule = ({ path }) => (path === "/a/a" ? { permission: "zone.view" } : {});
  const ask = (count) => {
    for (let n = 0; n < count; n++) {
      const verdict = verifier.verify(requests[n & 3], n & 4 ? rule : { permission: "zone.view" });
      if (verdict.ok !== (n & 3) < 2 && (n & 3) !== 1) assert.fail(verdict.code);
      if (n & 8) void verdict.name;
      verdict.report({ status: 200 });
    }
  };
  let epoch = 5;
  const round = async (count) => {
    ask(count);
    Object.assign(shown, at(++epoch, epoch % 2 ? before : after));
    await verifier.refresh();
  };
  // The last trees fill their room first.
  for (let n = 0; n < 70; n++) await round(100);
  const size = memory.buffer.byteLength;
  for (let n = 0; n < 100; n++) await round(10_000);
  assert.equal(memory.buffer.byteLength, size);
  verifier.close();
});
