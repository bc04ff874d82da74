// The ways on which a tree comes, with the real core: what each transfers, and what is left when one is closed.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";
import { objectsOf, patch, tree } from "../../tests/runtimes/publisher.mjs";
import { after, at, before, edge, fixture, REVOKED, signal, start, turn } from "./edge.mjs";

const first = tree(100_000);
const second = tree(100_000, { 7: 1 });
const patchOf = (from, to) => ({ [`${from.id} ${to.id}`]: patch(from, to) });
const next = at(6, second);

/** A bundle in pieces of so many bytes. */
function* cut(bundle, sizes) {
  for (let at = 0, turn = 0; at < bundle.length; turn++) {
    const size = sizes[turn % sizes.length];
    yield bundle.subarray(at, at + size);
    at += size;
  }
}
const iterated = (...sizes) => async function* (bundle) {
  yield* cut(bundle, sizes);
};
const readable = (...sizes) => (bundle) => {
  const pieces = cut(bundle, sizes);
  return new ReadableStream({ pull: (to) => (({ done, value }) => (done ? to.close() : to.enqueue(value)))(pieces.next()) });
};

test("an update by patch transfers the patch and nothing else", async () => {
  const state = await edge(at(5, first));
  assert.equal(await state.refresh({ ...next, patches: patchOf(first, second) }), "taken");
  assert.deepEqual([state.asked, state.engine.snapshot.epoch, state.engine.mended()], [["patch"], 6, true]);
  assert.ok(state.transferred < 2000, `${state.transferred} bytes of ${first.bytes.length}`);
});

test("a patch that comes with a pushed head is taken, and nothing is asked for", async () => {
  const state = await edge(at(5, first));
  assert.equal(await state.refresh({ ...next, patches: patchOf(first, second) }, signal, { bytes: next.head, patch: patch(first, second) }), "taken");
  assert.deepEqual([state.asked, state.engine.snapshot.epoch, state.engine.mended()], [[], 6, true]);
});

test("a pushed patch that is stale, wrong or altered costs the request for the right one, and nothing else", async () => {
  const other = tree(100_000, { 8: 1 });
  const good = patch(first, second);
  const shard = 7 + 8 * 7;
  const cases = {
    missing: undefined,
    empty: new Uint8Array(),
    noise: new Uint8Array(1000).fill(7),
    "from a tree that was skipped": patch(other, second),
    "to another tree": patch(first, other),
    "without its last step": patch(first, { ...second, objects: new Map([...second.objects].filter(([place]) => place !== shard)) }),
    altered: Object.assign(Buffer.from(good), { [good.length - 5]: good[good.length - 5] ^ 1 }),
    "more than all of the tree": Buffer.concat([good, Buffer.alloc(second.bytes.length)]),
    "no bytes": "text",
  };
  for (const [name, pushed] of Object.entries(cases)) {
    const state = await edge(at(5, first));
    assert.equal(await state.refresh({ ...next, patches: patchOf(first, second) }, signal, { bytes: next.head, patch: pushed }), "taken", name);
    assert.deepEqual([state.asked, state.engine.snapshot.epoch, state.engine.mended(), state.reported], [["patch"], 6, true, []], name);
  }
  // It proves nothing of the head beside it.
  const state = await edge(at(5, first));
  assert.equal(await state.refresh(next, signal, { bytes: Object.assign(Buffer.from(next.head), { [next.head.length - 1]: 255 }), patch: good }), "bad_signature");
  assert.deepEqual([state.asked, state.engine.snapshot.epoch], [[], 5]);
});

test("without a patch that serves, what changed is fetched object by object", async () => {
  const other = tree(100_000, { 8: 1 });
  const good = patch(first, second);
  const cases = {
    missing: undefined,
    empty: new Uint8Array(),
    noise: new Uint8Array(1000).fill(7),
    truncated: good.subarray(0, good.length - 1),
    "truncated in its head": good.subarray(0, 60),
    trailing: Buffer.concat([good, Buffer.of(0)]),
    "from another tree": patch(other, second),
    "to another tree": patch(first, other),
    wrong: Object.assign(Buffer.from(good), { [good.length - 5]: good[good.length - 5] ^ 1 }),
    unreachable: () => Promise.reject(new Error("503")),
    "no bytes": "text",
  };
  for (const [name, found] of Object.entries(cases)) {
    const state = await edge(at(5, first));
    assert.equal(await state.refresh({ ...next, patches: { [`${first.id} ${second.id}`]: found }, objects: objectsOf(second) }), "taken", name);
    assert.deepEqual(state.asked, ["patch", "object", "object", "object"], name); // top page, index page, shard
    assert.deepEqual([state.engine.snapshot.epoch, state.engine.mended(), state.reported], [6, true, []], name);
    assert.deepEqual(state.limits.slice(2), [9224, second.objects.get(7 + 8 * 7).length], name);
  }
});

test("what neither patch nor objects bring is taken out of the bundle", async () => {
  const objects = objectsOf(second);
  const shard = [...objects].find(([, object]) => object.equals(second.objects.get(7 + 8 * 7)))[0];
  const broken = (bytes) => new Map(objects).set(shard, bytes);
  const cases = {
    "no objects": [undefined, 2],
    "one is missing": [broken(undefined), 4],
    "one is wrong": [broken(new Uint8Array(objects.get(shard).length)), 4],
    "one is too long": [broken(Buffer.concat([objects.get(shard), Buffer.alloc(1 << 20)])), 4],
    "one cannot be reached": [broken(() => Promise.reject(new Error("503"))), 4],
  };
  for (const [name, [found, asked]] of Object.entries(cases)) {
    const state = await edge(at(5, first));
    assert.equal(await state.refresh({ ...next, objects: found }), "taken", name);
    assert.deepEqual([state.asked.length, state.asked.at(-1), state.engine.snapshot.epoch, state.engine.mended()], [asked + 1, "bundle", 6, true], name);
  }
});

test("many objects, or large ones, are not fetched one by one", async () => {
  const many = tree(100_000, Object.fromEntries(Array.from({ length: 40 }, (_, shard) => [shard, 1])));
  const state = await edge(at(5, first));
  assert.equal(await state.refresh({ ...at(6, many), objects: objectsOf(many) }), "taken");
  assert.deepEqual(state.asked, ["patch", "object", "object", "bundle"]);
  const small = await edge(at(5, before)); // the unknown length of its top page alone could be more
  assert.equal(await small.refresh({ ...at(6, after), objects: new Map() }), "taken");
  assert.deepEqual(small.asked, ["patch", "bundle"]);
});

test("an edge that begins while the bundle is still the one before takes that, and then what changed since, in one refresh", async () => {
  for (const more of [{ patches: patchOf(first, second) }, { objects: objectsOf(second) }]) {
    const state = await edge();
    assert.equal(await state.refresh({ head: next.head, bundle: at(5, first).bundle, ...more }), "taken");
    assert.deepEqual([state.asked.slice(0, 2), state.engine.snapshot.epoch, state.engine.mended()], [["bundle", "patch"], 6, true]);
  }
  const state = await edge();
  assert.equal(await state.refresh({ head: next.head, bundle: at(5, first).bundle }), "taken");
  assert.equal(state.engine.snapshot.epoch, 5);
});

test("an edge that serves takes a bundle that is newer, and says that its source is behind the head all the same", async () => {
  const state = await edge(at(4, before));
  assert.equal(await state.refresh({ head: next.head, bundle: at(5, first).bundle }), "behind");
  assert.equal(state.engine.snapshot.epoch, 5);
  const ahead = await edge(at(4, before));
  assert.equal(await ahead.refresh({ head: at(5, first).head, bundle: next.bundle }), "taken");
  assert.equal(ahead.engine.snapshot.epoch, 6);
});

test("while the bundle is still the one before, what changed is fetched object by object, however much it is", async () => {
  const many = tree(4000, Object.fromEntries(Array.from({ length: 10 }, (_, shard) => [shard, 1])));
  for (const [old, now] of [[tree(2000), tree(2000, { 7: 1 })], [tree(4000), many]]) {
    for (const bundle of [at(5, old).bundle, undefined]) {
      const state = await edge(at(5, old));
      const { head } = at(6, now);
      assert.equal(await state.refresh({ head, bundle, objects: objectsOf(now) }), "taken");
      assert.deepEqual([state.asked.includes("bundle"), state.asked.at(-1), state.engine.snapshot.epoch, state.engine.mended(), state.reported], [true, "object", 6, true, []]);
    }
  }
});

test("when nothing delivers the tree that the head names, that is an error, what serves goes on, and the next refresh tries again", async () => {
  const state = await edge(at(5, first));
  const old = at(5, first).bundle;
  for (const shown of [{ head: next.head, bundle: undefined }, { head: next.head, bundle: old }]) {
    for (let refresh = 0; refresh < 2; refresh++) assert.equal(await state.refresh(shown), "behind");
    assert.equal(state.engine.snapshot.epoch, 5);
  }
  assert.equal(await state.refresh({ ...next, bundle: undefined, patches: patchOf(first, second) }), "taken");
});

test("two hundred updates of one key do not grow the memory of the core, and no other instance is made", async () => {
  let from = tree(60_000);
  const state = await edge(at(5, from));
  const { instance } = state.engine;
  const sizes = [];
  for (let step = 1; step <= 200; step++) {
    const to = tree(60_000, { [step % 256]: step });
    assert.equal(await state.refresh({ head: at(5 + step, to).head, patches: patchOf(from, to) }), "taken");
    sizes.push(state.memory());
    from = to;
  }
  assert.deepEqual([state.engine.instance === instance, state.engine.snapshot.epoch], [true, 205]);
  // Once the room for replaced trees is used, only holes between objects are left to vary.
  assert.ok(sizes[199] - sizes[70] <= from.bytes.length / 16 && sizes[199] < 3 * from.bytes.length, `${from.bytes.length}: ${sizes[0]} … ${sizes[70]} … ${sizes[199]}`);
});

test("streams are taken in whatever pieces they come", async () => {
  const bundle = at(5, tree(2000)).bundle;
  const sizes = { ones: [1], odd: [3, 1, 70_001, 8191, 0], halves: [Math.ceil(bundle.length / 2)], one: [bundle.length] };
  for (const [name, pieces] of Object.entries(sizes)) {
    for (const stream of [iterated(...pieces), readable(...pieces)]) {
      const cold = await edge(undefined, { stream });
      assert.equal(await cold.refresh({ head: at(5, tree(2000)).head, bundle }), "taken", name);
      assert.deepEqual([cold.engine.snapshot.epoch, cold.engine.mended()], [5, true], name);
      assert.equal(await cold.refresh(at(6, after)), "taken", name);
      assert.equal(cold.leaving(), REVOKED, name);
    }
  }
});

test("a stream that ends early, goes on, or breaks is refused, and nobody reads on", async () => {
  const { head, bundle } = at(6, tree(2000));
  const cases = {
    truncated: [bundle.subarray(0, -1), undefined],
    trailing_bytes: [Buffer.concat([bundle, Buffer.alloc(4 << 20)]), undefined],
    "Error: cut off": [bundle, new Error("cut off")],
  };
  for (const first of [undefined, at(5, before)]) {
    for (const [code, [sent, breaks]] of Object.entries(cases)) {
      let [given, ended, broken] = [0, 0, false];
      const stream = async function* (bundle) {
        try {
          for (const piece of cut(bundle, [1000])) {
            given += piece.length;
            yield piece;
          }
          if (broken && breaks !== undefined) throw breaks;
        } finally {
          ended++;
        }
      };
      const state = await edge(first, { stream });
      [given, ended, broken] = [0, 0, true];
      assert.equal(await state.refresh({ head, bundle: sent }), code);
      assert.deepEqual([ended, state.engine.snapshot.epoch], [1, first ? 5 : 0], code);
      assert.ok(given < bundle.length + 12_000, `${code}: ${given} bytes read`);
    }
  }
});

test("a bundle in memory answers before all of it is proven, each request taking what it needs out of it", async () => {
  const mixed = tree(1_000_000);
  const state = await edge();
  state.pace.pause = () => new Promise(() => {}); // nothing goes on in the background
  const bundle = at(5, mixed).bundle;
  const supplied = [];
  state.engine.offer(at(5, mixed).head, state.now);
  const candidate = state.engine.begin(state.now);
  for (let at = 0; !candidate.ready; at += 1 << 15) candidate.feed(bundle.subarray(at, at + (1 << 15)));
  const { BundleParts } = await import("../dist/engine/parts.js");
  const parts = new BundleParts(bundle, candidate.treeBytes);
  state.engine.commit(candidate, state.now, { object: (need) => (supplied.push(need.place), parts.object(need)) });
  const missing = () => state.engine.tree.needs(5000).length;
  const lacked = missing();
  assert.ok(lacked > 4000, String(lacked));
  assert.equal(state.engine.verifyKey(fixture.keys.plain, undefined, 1, state.now), 4);
  assert.equal(state.engine.verifyKey(fixture.keys.plain, undefined, 1, state.now), 4);
  assert.deepEqual([supplied.length, missing()], [1, lacked - 1]);
  state.pace.pause = turn;
  await state.engine.fill(state.pace);
  assert.deepEqual([missing(), supplied.length, new Set(supplied).size], [0, lacked, lacked]);
});

test("a cold start takes over as soon as the core can answer, and the bundle is let go when all is proven", async () => {
  const { head, bundle } = at(5, tree(1_000_000));
  const state = await edge();
  let turns = 0;
  state.pace.pause = () => (turns++, turn());
  assert.equal(await state.refresh({ head, bundle }), "taken");
  const early = turns;
  assert.equal(state.engine.supplies, 0, "whoever waited for the tree goes first");
  assert.deepEqual([state.engine.snapshot.epoch, state.engine.parts === undefined, state.engine.tree.needs(1).length], [5, false, 1]);
  assert.equal(state.engine.verifyKey(fixture.keys.plain, undefined, 1, state.now), 4);
  while (state.engine.parts !== undefined) await turn();
  assert.ok(turns > 50 + early && early < 5, `${early} of ${turns}`);
  assert.equal(state.engine.mended(), true);
  assert.equal(await state.refresh(), "taken");
});

test("a cold start does not begin with a bundle that is longer or shorter than it should be", async () => {
  const { head, bundle } = at(5, first);
  for (const wrong of [bundle.subarray(0, -1), bundle.subarray(0, bundle.length / 2), Buffer.concat([bundle, Buffer.of(0)])]) {
    const state = await edge();
    assert.match(await state.refresh({ head, bundle: wrong }), /^(wrong_digest|truncated|trailing_bytes)$/);
    assert.equal(state.engine.snapshot.epoch, 0);
    assert.equal(await state.refresh({ head, bundle }), "taken");
  }
});

test("a damaged part of a bundle that serves already is reported once, answers nothing, and is fetched anew: alone, or with the bundle", async () => {
  const good = at(5, first);
  const broken = Buffer.from(good.bundle);
  const shard = createHash("sha256").update(fixture.keys.plain).digest().readUInt16BE(0) >> (16 - 9);
  broken[broken.indexOf(first.objects.get(7 + 8 * shard)) + 100] ^= 1;
  for (const objects of [objectsOf(first), undefined]) {
    const state = await edge();
    assert.equal(await state.refresh({ head: good.head, bundle: broken }), "taken");
    while (state.engine.parts !== undefined) await turn();
    assert.deepEqual([state.reported, state.engine.lacking.code], [["wrong_digest"], "wrong_digest"]);
    const code = () => state.engine.verifyKey(fixture.keys.plain, undefined, 1, state.now) & 63;
    assert.deepEqual([code(), code(), state.reported.length], [18, 18, 1]);
    assert.equal(await state.refresh({ head: good.head, bundle: broken }), "wrong_digest");
    assert.equal(await state.refresh({ head: good.head, bundle: Buffer.concat([good.bundle, Buffer.alloc(1 << 20)]) }), "too_large");
    assert.ok(state.limits.at(-1) < good.bundle.length + (1 << 14), String(state.limits));
    assert.equal(await state.refresh({ ...good, objects }), "taken");
    assert.deepEqual([state.asked[0], state.engine.lacking, state.engine.mended(), code()], ["object", undefined, true, 4]);
    assert.equal(state.asked.includes("bundle"), objects === undefined);
  }
});

test("a core that stops while its tree is being filled comes back with what it had, and fetches nothing for the rest", async () => {
  const { head, bundle } = at(5, tree(1_000_000));
  const state = await edge();
  assert.equal(await state.refresh({ head, bundle }), "taken");
  assert.notEqual(state.engine.parts, undefined);
  state.stop();
  assert.equal(await state.refresh(), "taken");
  assert.deepEqual([state.asked, state.engine.snapshot.epoch], [[], 5]);
  assert.equal(state.engine.verifyKey(fixture.keys.plain, undefined, 1, state.now), 4);
  await state.engine.fill(state.pace);
  assert.deepEqual([state.engine.mended(), state.engine.lacking, state.reported], [true, undefined, []]);
});

test("an update is given up with its refresh, whatever it was waiting for", async () => {
  for (const held of ["patch", "object", "bundle"]) {
    const state = await edge(at(5, first));
    const abort = new AbortController();
    const late = () => new Promise((resolve) => setTimeout(() => (abort.abort(new Error("late")), resolve(undefined)), 5));
    const shown = { ...next, objects: objectsOf(second), patches: {} };
    if (held === "patch") shown.patches = { [`${first.id} ${second.id}`]: late };
    if (held === "object") shown.objects = new Map([[second.id, late]]);
    if (held === "bundle") [shown.objects, state.held] = [undefined, late()];
    assert.equal(await state.refresh(shown, abort.signal), "Error: late", held);
    assert.deepEqual([state.engine.snapshot.epoch, state.asked.at(-1)], [5, held]);
    assert.equal(state.engine.instance.text((wasm) => wasm.trees()), undefined, "what was put together is let go");
  }
});

test("no step of an update takes longer than its slice, whatever it brings", async () => {
  const state = await edge(at(5, first));
  const { exports } = state.engine.instance;
  let [longest, bytes] = [0, 0];
  const input = (length) => (longest = Math.max(longest, length), (bytes += length), exports.input(length));
  state.engine.instance.exports = { ...exports, input };
  let most = 0;
  state.pace.pause = () => ((most = Math.max(most, bytes)), (bytes = 0), turn());
  assert.equal(await state.refresh(at(6, tree(100_000, { 1: 2, 99: 3 }))), "taken");
  assert.ok(longest <= 1 << 15 && most < (1 << 18) + (1 << 15), `${longest} ${most}`);
});
