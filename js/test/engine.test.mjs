// The engine with the real core: what several refreshes at once, roots and traps may do to each other.
import assert from "node:assert/strict";
import test from "node:test";
import { patch, root, tree } from "../../tests/runtimes/publisher.mjs";
import { after, at, before, bytes, edge, fixture, REVOKED, signal, start, turn, life, VALID } from "./edge.mjs";

test("of two updates at once the older one is dropped, and none goes back behind the other", async () => {
  const state = await edge(at(4, before));
  const [six, five] = [at(6, tree(20_000)), at(5, tree(20_000, { 3: 1 }))];
  const first = state.refresh(six);
  await new Promise(setImmediate);
  assert.deepEqual(await Promise.all([first, state.refresh(five)]), ["superseded", "taken"]);
  assert.equal(state.engine.snapshot.epoch, 5);
  assert.equal(await state.refresh(at(6, after)), "taken");
  state.engine.offer(at(7, before).head, state.now);
  const late = state.engine.begin(state.now);
  assert.equal(await state.refresh(at(8, after)), "taken");
  assert.throws(() => late.feed(at(7, before).bundle), { code: "superseded" });
  assert.deepEqual([state.engine.snapshot.epoch, state.leaving()], [8, REVOKED]);
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
  state.stop();
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
  // One that would do, but is older: the one that was offered counts.
  const both = await edge(at(5, before));
  assert.equal(await both.refresh({ head: at(8, after).head, bundle: at(7, after).bundle }), "taken");
  assert.deepEqual([both.engine.snapshot.epoch, both.leaving()], [8, REVOKED]);
  // Nothing but its own tree.
  const running = await edge(at(6, after));
  for (const bundle of [at(5, before).bundle, at(6, before).bundle, at(7, before, { by: [9] }).bundle]) {
    const answer = await running.refresh({ head: at(8, tree(10)).head, bundle });
    assert.ok(["rollback", "equivocation", "too_few_signatures"].includes(answer), answer);
    assert.deepEqual([running.engine.snapshot.epoch, running.leaving()], [6, REVOKED]);
  }
});

test("a bundle that came out since its head was fetched is taken under its own head, though a web server tags both alike", async () => {
  const state = await edge(at(5, before));
  const tagged = ({ head, bundle }) => ({ head, bundle, tag: '"same second, same size"' });
  assert.equal(await state.refresh(tagged({ head: at(6, tree(10)).head, bundle: at(7, after).bundle })), "taken");
  assert.deepEqual([state.engine.snapshot.epoch, state.leaving()], [7, REVOKED]);
  assert.equal(await state.refresh(tagged(at(8, before))), "taken");
  assert.deepEqual([state.engine.snapshot.epoch, state.leaving()], [8, VALID]);
});

test("a root that is far too long is refused by its length, and leaves no mark in memory", async () => {
  const state = await edge(at(5, before));
  const size = state.memory();
  const long = Buffer.concat([root({}), Buffer.alloc(64 << 20)]);
  assert.equal(await state.refresh({ ...at(6, after, { rootVersion: 2 }), roots: { 2: long } }), "too_large");
  assert.equal(state.memory(), size);
});

test("a root that a refresh left behind does not keep a stopped core from coming back", async () => {
  const state = await edge(at(5, before));
  state.engine.stageRoot(root({ publisher: [3] }));
  state.stop();
  await state.engine.restore(state.pace);
  assert.deepEqual([state.engine.snapshot.epoch, state.leaving()], [5, VALID]);
});

test("a restore that ends after a newer update came in leaves it alone", async () => {
  const state = await edge(at(5, tree(200_000)));
  state.stop();
  const slow = { ...state.pace, pause: () => new Promise((resolve) => setTimeout(resolve, 30)) };
  const both = Promise.allSettled([state.engine.restore(slow), state.engine.restore(state.pace)]);
  while (state.engine.trapped !== undefined) await turn();
  assert.equal(await state.refresh(at(6, after)), "taken");
  await both;
  assert.deepEqual([state.engine.snapshot.epoch, state.leaving(), state.engine.floor], [6, REVOKED, { rootVersion: 1, epoch: 6 }]);
});

test("a stopped core is replaced out of its memory, whole, without asking the source for more than the head", async () => {
  const [first, second] = [tree(100_000), tree(100_000, { 7: 1 })];
  const state = await edge(at(5, first));
  const next = { ...at(6, second), patches: { [`${first.id} ${second.id}`]: patch(first, second) } };
  assert.equal(await state.refresh(next), "taken");
  state.stop();
  state.asked.length = 0;
  assert.equal(await state.refresh(), "taken");
  assert.deepEqual([state.asked, state.engine.snapshot.epoch, state.engine.mended(), state.engine.lacking], [[], 6, true, undefined]);
  const third = tree(100_000, { 7: 1, 9: 4 });
  assert.equal(await state.refresh({ ...at(7, third), patches: { [`${second.id} ${third.id}`]: patch(second, third) } }), "taken");
  assert.deepEqual(state.asked, ["patch"]);
});

test("a core that stops in the middle of an update goes on serving what it served, wherever that is", async () => {
  const [first, second] = [tree(100_000), tree(100_000, { 7: 1 })];
  const patches = { [`${first.id} ${second.id}`]: patch(first, second) };
  for (const name of ["begin", "patch", "check", "complete", "commit", "epoch", "floor", "objects", "table_ptr"]) {
    const state = await edge(at(5, first));
    const { exports } = state.engine.instance;
    // The core would leave its state locked: no call into a stopped instance may be needed.
    state.engine.instance.exports = { ...exports, [name]: () => { throw new WebAssembly.RuntimeError("unreachable"); } };
    assert.match(await state.refresh({ ...at(6, second), patches }), /trap/, name);
    assert.deepEqual([state.engine.trapped, state.engine.snapshot.epoch, state.engine.instance.exports === exports], [undefined, 5, false], name);
    assert.equal(await state.refresh(), "taken", name);
    assert.deepEqual([state.engine.snapshot.epoch, state.engine.mended()], [6, true], name);
  }
});

test("identities are read from the trees of ten updates, and from no other instance's", async () => {
  const state = await edge(at(5, before));
  const name = () => state.engine.identity(state.engine.verifyKey(fixture.keys.plain, undefined, 1, state.now), state.engine.snapshot.generation)?.split("\x1f")[3];
  assert.equal(name(), "Key “plain”");
  const { generation } = state.engine.snapshot;
  const packed = state.engine.verifyKey(fixture.keys.plain, undefined, 1, state.now);
  for (let epoch = 6; epoch < 16; epoch++) assert.equal(await state.refresh(at(epoch, epoch % 2 ? before : after)), "taken");
  assert.equal(state.engine.identity(packed, generation)?.split("\x1f")[3], "Key “plain”");
  state.stop();
  await state.engine.restore(state.pace);
  for (let asked = 0; asked <= state.engine.snapshot.generation - 1; asked++) assert.equal(state.engine.identity(packed, asked), undefined, String(asked));
  assert.equal(name(), "Key “plain”");
});

test("a place that an object is missing at is nobody's record", async () => {
  const state = await edge(at(5, before));
  assert.equal(state.engine.identity(18 + 1024, state.engine.snapshot.generation), undefined);
  assert.equal(state.engine.identity(1024, state.engine.snapshot.generation)?.split("\x1f").length, 8);
});
