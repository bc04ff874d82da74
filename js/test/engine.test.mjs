// The engine with the real core: what several refreshes at once, roots and traps may do to each other.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { publish, root, tree, treeOf } from "../../tests/runtimes/publisher.mjs";
import { Engine } from "../dist/engine/engine.js";
import { updater } from "../dist/engine/update.js";

const read = (path) => readFileSync(new URL(path, import.meta.url));
const module = await WebAssembly.compile(read("../wasm/edgelatch.wasm"));
const fixture = JSON.parse(read("../../tests/runtimes/fixture.json"));
const { start, life, keys } = fixture;
const bytes = (base64) => new Uint8Array(Buffer.from(base64, "base64"));
const [before, after] = ["first", "second"].map((name) => treeOf(bytes(fixture.snapshots[name].bundle))); // `leaving` is revoked in the second
const at = (epoch, tree, more = {}) => publish({ epoch, tree, issuedAt: start, life, ...more });
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
const signal = new AbortController().signal;

/** An edge that serves this epoch, its clock, and what a mirror shows it. */
async function edge(first, { config = "", deployed = bytes(fixture.roots[0]) } = {}) {
  const state = { now: start + 10, reported: [], asked: [] };
  const pace = { now: () => state.now, pause: turn };
  state.pace = pace;
  state.engine = new Engine(module, deployed, config, (error) => state.reported.push(error.code));
  if (first) await state.engine.replace(first.bundle, pace);
  const source = {
    head: async () => ({ bytes: state.shown.head }),
    bundle: async ({ maxBytes }) => (state.asked.push(maxBytes), await state.held, { bytes: state.shown.bundle }),
    root: async (n) => state.shown.roots?.[n],
  };
  state.update = updater(state.engine, source, pace, (error) => state.reported.push(error.code));
  state.refresh = (shown, until = signal) => {
    state.shown = shown ?? state.shown;
    return state.update(until).then(() => "taken", (error) => error.code ?? error.message);
  };
  state.leaving = () => state.engine.verifyKey(keys.leaving, undefined, 1, state.now) & 63;
  return state;
}
const [VALID, REVOKED] = [0, 5];

test("of two updates that end in one turn, none goes back behind the other", async () => {
  const state = await edge(at(4, before));
  const [six, five] = [at(6, after), at(5, before)];
  for (const { bundle } of [six, five]) state.engine.offer(bundle, state.now);
  const ends = await Promise.allSettled([six, five].map(({ bundle }) => state.engine.replace(bundle, state.pace)));
  assert.deepEqual(ends.map(({ reason }) => reason?.code), [undefined, "superseded"]);
  assert.deepEqual([state.engine.snapshot.epoch, state.leaving()], [6, REVOKED]);
});

test("a refresh that was given up leaves later ones the roots that they need", async () => {
  const state = await edge(at(4, before));
  const abort = new AbortController();
  const given = state.refresh(at(5, tree(20_000)), abort.signal); // long enough to pause
  await new Promise(setImmediate);
  abort.abort(new Error("deadline"));
  let go;
  state.held = new Promise((resolve) => (go = resolve));
  const next = state.refresh({ ...at(6, after, { rootVersion: 2 }), roots: { 2: root({ publisher: [2, 3] }) } });
  await given;
  go();
  await next;
  for (let refresh = 0; refresh < 2; refresh++) await state.refresh();
  assert.deepEqual([state.engine.snapshot.epoch, state.engine.snapshot.rootVersion, state.leaving()], [6, 2, REVOKED]);
});

test("a root that came into force with an unchanged head is remembered too", async () => {
  const deployed = root({ version: 1, publisher: [2, 3] });
  const five = at(5, before);
  const state = await edge(five, { deployed });
  const roots = { 2: root({ publisher: [2] }) };
  assert.equal(await state.refresh({ head: at(6, after, { rootVersion: 2 }).head, bundle: five.bundle, roots }), "behind");
  assert.deepEqual(state.engine.floor, { rootVersion: 2, epoch: 5 });
  state.engine.snapshot.instance.stop(new Error("trap"));
  state.now = start + life; // what is in memory has expired, so that the next instance is empty
  const stolen = at(7, before, { by: [3], issuedAt: start + life });
  assert.notEqual(await state.refresh({ ...stolen, roots: {} }), "taken");
  assert.equal(await state.refresh({ ...at(8, after, { rootVersion: 2, issuedAt: start + life }), roots }), "taken");
  assert.equal(state.leaving(), REVOKED);
});

test("a head vouches for a bundle of its tree whose own head is older", async () => {
  const cold = await edge(undefined, { config: "floor=1:7\n" });
  assert.equal(await cold.refresh({ head: at(7, after).head, bundle: at(6, after).bundle }), "taken");
  assert.deepEqual([cold.engine.snapshot.epoch, cold.leaving()], [7, REVOKED]);
  const late = await edge();
  late.now = start + life + 5;
  assert.equal(await late.refresh({ head: at(7, after, { issuedAt: start + life }).head, bundle: at(6, after).bundle }), "taken");
  // Nothing but its own tree.
  const running = await edge(at(6, after));
  for (const bundle of [at(5, before).bundle, at(6, before).bundle, at(7, before, { by: [9] }).bundle]) {
    const answer = await running.refresh({ head: at(8, tree(10)).head, bundle });
    assert.ok(["rollback", "equivocation", "too_few_signatures"].includes(answer), answer);
    assert.deepEqual([running.engine.snapshot.epoch, running.leaving()], [6, REVOKED]);
  }
});

test("what is fetched to mend a damaged snapshot is no longer than that one", async () => {
  const good = at(5, tree(20_000));
  const broken = Buffer.from(good.bundle);
  for (let back = 1; back < 400_000; back += 100) broken[broken.length - back] ^= 1; // behind what is proven before the start
  const state = await edge();
  assert.equal(await state.refresh({ head: good.head, bundle: broken }), "taken");
  for (const key of Object.values(keys)) state.engine.verifyKey(key, undefined, 1, state.now);
  assert.deepEqual([state.engine.damaged, state.reported], [true, ["wrong_digest"]]);
  assert.equal(await state.refresh({ head: good.head, bundle: Buffer.concat([good.bundle, Buffer.alloc(1 << 20)]) }), "too_large");
  assert.ok(state.asked.at(-1) < good.bundle.length + (1 << 14), String(state.asked));
  assert.equal(await state.refresh(good), "taken");
  assert.equal(state.engine.damaged, false);
});

test("a root that is far too long is refused by its length, and leaves no mark in memory", async () => {
  const state = await edge(at(5, before));
  const { memory } = state.engine.snapshot.instance.exports;
  const size = memory.buffer.byteLength;
  const long = Buffer.concat([root({}), Buffer.alloc(64 << 20)]);
  assert.equal(await state.refresh({ ...at(6, after, { rootVersion: 2 }), roots: { 2: long } }), "too_large");
  assert.equal(memory.buffer.byteLength, size);
});

test("a root that a refresh left behind does not keep a stopped core from coming back", async () => {
  const state = await edge(at(5, before));
  state.engine.stageRoot(root({ publisher: [3] }));
  state.engine.snapshot.instance.stop(new Error("trap"));
  await state.engine.restore(state.pace);
  assert.deepEqual([state.engine.snapshot.epoch, state.leaving()], [5, VALID]);
});

test("a restore that ends after a newer update came in leaves it alone", async () => {
  const state = await edge(at(5, tree(20_000)));
  state.engine.snapshot.instance.stop(new Error("trap"));
  const slow = { ...state.pace, pause: () => new Promise((resolve) => setTimeout(resolve, 30)) };
  const both = Promise.allSettled([state.engine.restore(slow), state.engine.restore(state.pace)]);
  while (state.engine.trapped !== undefined) await turn();
  state.engine.offer(at(6, after).bundle, state.now);
  await state.engine.replace(at(6, after).bundle, state.pace);
  await both;
  assert.deepEqual([state.engine.snapshot.epoch, state.leaving(), state.engine.floor], [6, REVOKED, { rootVersion: 1, epoch: 6 }]);
});
