// What an edge keeps, and begins with, with the real core: what is there after each write, and what of it is taken.
import assert from "node:assert/strict";
import test from "node:test";
import { patch, root, tree } from "../../tests/runtimes/publisher.mjs";
import { after, at, before, bytes, edge, fixture, life, REVOKED, start, turn, VALID } from "./edge.mjs";

const [first, second, third] = [tree(100_000), tree(100_000, { 7: 1 }), tree(100_000, { 7: 1, 9: 2 })];
const patches = (...trees) => Object.fromEntries(trees.slice(1).map((to, index) => [`${trees[index].id} ${to.id}`, patch(trees[index], to)]));
/** What a source shows that cannot be reached. */
const down = { get head() { throw Object.assign(new Error(), { code: "unreachable" }); } };

/** A cache in memory, and every put: the name, the bytes, and what serves in `of` at that moment. */
function store(values = new Map()) {
  const puts = [];
  const cache = {
    puts, values,
    get: async (name) => values.get(name),
    put: async (name, value) => {
      puts.push({ name: name.replace("edgelatch-acme-", ""), bytes: value, epoch: cache.of?.engine.snapshot.epoch });
      values.set(name, value);
    },
  };
  return cache;
}
/** What a store holds after so many of the puts. */
const held = (puts) => new Map(puts.map(({ name, bytes }) => [`edgelatch-acme-${name}`, bytes]));

/** An edge that keeps what it is shown. */
async function keeping(shown, options = {}) {
  const cache = store();
  const state = await edge(undefined, { cache, ...options });
  cache.of = state;
  for (const one of shown) {
    assert.equal(await state.refresh(one), "taken");
    await state.kept();
    await state.clock.pass(60_000);
  }
  return { state, cache };
}

/** An edge that begins with what is in a cache while its source is down. */
async function restarted(values, { now = start + 10, shown = down, ...options } = {}) {
  const state = await edge(undefined, { cache: values instanceof Map ? store(values) : values, ...options });
  state.now = now;
  state.answer = await state.refresh(shown);
  return state;
}

test("an edge that begins while its source is down serves what it served last, whole", async () => {
  const { state, cache } = await keeping([at(5, first), { ...at(6, second), patches: patches(first, second) }]);
  assert.deepEqual(cache.puts.map(({ name, epoch }) => [name, epoch]), [["tree", 5], ["changes", 6]]);
  assert.ok(cache.puts[1].bytes.length < first.bytes.length / 32 + 2000, `${cache.puts[1].bytes.length} of ${first.bytes.length} bytes`);
  const next = await restarted(cache.values);
  assert.deepEqual([next.answer, next.engine.snapshot.epoch, next.engine.mended(), next.reported], ["unreachable", 6, true, []]);
  assert.deepEqual(next.engine.floor, state.engine.floor);
  // What it goes on with is what is kept: the next update is a patch, and a small write.
  assert.equal(await next.refresh({ ...at(7, third), patches: patches(second, third) }), "taken");
  await next.kept();
  assert.deepEqual([next.asked, next.engine.mended()], [["patch"], true]);
  assert.equal((await restarted(cache.values)).engine.snapshot.epoch, 7);
});

test("after each write there is what was served then, whatever the updates were and on which ways they came", async () => {
  const many = tree(100_000, Object.fromEntries(Array.from({ length: 60 }, (_, shard) => [shard, 3])));
  const two = { rootVersion: 2 };
  const roots = { 2: root({ publisher: [2] }) };
  const sequence = [
    at(5, first), { ...at(6, second), patches: patches(first, second) }, { ...at(7, third), patches: patches(second, third) },
    at(8, third), // a renewal
    at(9, many), // a bundle
    { ...at(10, first), patches: patches(many, first) }, // back to an earlier tree
    { ...at(11, second, two), roots, patches: patches(first, second) },
    { ...at(12, tree(90_000), two), roots }, at(13, before, two), at(14, after, two),
  ];
  const { cache } = await keeping(sequence);
  assert.equal(cache.puts.at(-1).epoch, 14);
  assert.deepEqual([...new Set(cache.puts.map(({ name }) => name))].sort(), ["changes", "tree"]);
  for (let count = 0; count <= cache.puts.length; count++) {
    const whole = await restarted(held(cache.puts.slice(0, count)));
    assert.deepEqual([whole.engine.snapshot.epoch, whole.reported, count === 0 || whole.engine.mended()], [cache.puts[count - 1]?.epoch ?? 0, [], true], `after ${count}`);
    // The next one is torn, in a store whose writes are not whole: nothing older than what was there serves.
    if (count === cache.puts.length) break;
    const { name, bytes: next } = cache.puts[count];
    for (const length of [0, 11, 30, next.length >> 1, next.length - 1]) {
      const torn = await restarted(held([...cache.puts.slice(0, count), { name, bytes: next.subarray(0, length) }]));
      const found = torn.engine.snapshot.epoch;
      const without = held(cache.puts.slice(0, count)).get("edgelatch-acme-tree");
      if (name === "tree") assert.ok(found === 0 || found >= cache.puts[count - 1].epoch, `${length} bytes of ${count}: ${found}`);
      else assert.equal(found, (await restarted(new Map([["edgelatch-acme-tree", without]]))).engine.snapshot.epoch);
      assert.deepEqual([torn.reported[0], torn.reported.length <= 2], ["content", true], `${length} bytes of ${count}`);
    }
  }
});

test("whatever byte is altered, in either value, no verdict is another one than what was signed, and it is told", async () => {
  const { cache } = await keeping([at(5, first), { ...at(6, second), patches: patches(first, second) }, at(7, before), at(8, after)]);
  const large = held(cache.puts.slice(0, 2));
  const small = held(cache.puts.slice(2).filter(({ name }) => name === "tree").slice(-1));
  const code = (state) => state.engine.verifyKey(fixture.keys.leaving, undefined, 1, state.now) & 63;
  const value = small.get("edgelatch-acme-tree");
  for (let index = 0; index < value.length; index += index < 1000 ? 1 : 5) {
    const state = await restarted(new Map([["edgelatch-acme-tree", Object.assign(Uint8Array.from(value), { [index]: value[index] ^ 0x10 })]]));
    assert.ok([REVOKED, 13, 16, 18].includes(code(state)), `${index}: ${code(state)}`);
    assert.ok(state.reported.length > 0, `${index} was not told`);
  }
  // Of a large one, what lies in each kind of object, and in the header: a hole is mended by the source, and is not built upon.
  for (const name of large.keys()) {
    const value = large.get(name);
    for (const index of [value.length - 1, value.length >> 1, 100, 20, 9, 0]) {
      const own = store(new Map([...large, [name, Object.assign(Uint8Array.from(value), { [index]: value[index] ^ 0x10 })]]));
      const state = await restarted(own);
      assert.ok([0, 5, 6].includes(state.engine.snapshot.epoch) && state.reported.length > 0, `${name} ${index}`);
      assert.equal(await state.refresh({ ...at(9, second), patches: patches(first, second) }), "taken");
      await state.kept();
      const next = await restarted(own);
      assert.deepEqual([next.engine.snapshot.epoch, next.engine.mended(), next.reported], [9, true, []], `${name} ${index}`);
    }
  }
});

test("what another realm, another root or an older life has kept is passed over, once, and the source is asked", async () => {
  const { cache } = await keeping([at(5, before), at(6, after)]);
  const cases = {
    "another realm": [{ deployed: root({ version: 1, realm: "other", era: 1 }) }, undefined],
    "another root": [{ deployed: root({ version: 1, publisher: [3], by: [1] }) }, "too_few_signatures"],
    "below the floor": [{ config: "floor=1:9\n" }, "below_floor"],
    "below the least epoch": [{ config: "min_epoch=7\n" }, "below_floor"],
    expired: [{ now: start + life }, "head_expired"],
    "from the future": [{ now: start - 10_000 }, "clock_invalid"],
  };
  for (const [name, [options, code]] of Object.entries(cases)) {
    const state = await restarted(cache.values, options);
    assert.deepEqual([state.engine.snapshot.epoch, state.reported, state.answer], [0, code === undefined ? [] : [code], "unreachable"], name);
  }
  const shown = at(9, before, { issuedAt: start + life });
  const late = await restarted(cache.values, { now: start + life + 10, shown });
  assert.deepEqual([late.answer, late.engine.snapshot.epoch, late.reported], ["taken", 9, ["head_expired"]]);
  const others = new Map([...cache.values].map(([name, value]) => [name.replace("acme", "other"), value]));
  const other = await restarted(others, { deployed: root({ version: 1, realm: "other", era: 1 }) });
  assert.deepEqual([other.engine.snapshot.epoch, other.reported.length], [0, 1]);
});

test("an edge that was deployed with a later root begins with what was kept under the one before", async () => {
  const roots = { 2: root({ publisher: [2] }), 3: root({ version: 3, publisher: [2, 3] }) };
  const shown = [at(5, before), { ...at(6, after, { rootVersion: 3 }), roots }];
  const { cache } = await keeping(shown);
  for (const deployed of [bytes(fixture.roots[0]), roots[2], roots[3]]) {
    const own = store(new Map(cache.values));
    const state = await restarted(own, { deployed });
    assert.deepEqual([state.engine.snapshot.epoch, state.engine.snapshot.rootVersion, state.leaving(), state.reported], [6, 3, REVOKED, []]);
    assert.equal(await state.refresh({ ...at(7, before, { rootVersion: 3 }) }), "taken");
    await state.kept();
    assert.deepEqual([(await restarted(own, { deployed })).engine.snapshot.epoch, own.puts.length], [7, 1]);
  }
  // One that was deployed with an earlier root than what is kept begins with lacks the roots in between.
  const later = await keeping([at(5, before, { rootVersion: 3 })], { deployed: roots[3] });
  const state = await restarted(later.cache.values);
  assert.deepEqual([state.engine.snapshot.epoch, state.reported], [0, ["root_needed"]]);
});

test("a lazy edge does not write its part over the whole that another edge keeps", async () => {
  const { cache } = await keeping([at(5, before)]);
  const lazy = await edge(undefined, { cache, config: "lazy=1000000\n" });
  assert.equal(await lazy.refresh(at(5, before)), "taken");
  await lazy.kept();
  assert.ok(cache.puts.length > 1, "the lazy edge has kept something");
  const next = await restarted(cache.values);
  assert.deepEqual([next.engine.snapshot.epoch, next.engine.mended(), next.leaving()], [5, true, VALID]);
});

test("a lazy edge keeps what it holds, and has it at hand again when a request needs it", async () => {
  const lazy = { config: "lazy=1000000\n" };
  const { state, cache } = await keeping([at(5, before), at(6, after)], lazy);
  const held = state.engine.holding().rows.length;
  const next = await restarted(cache.values, lazy);
  assert.deepEqual([next.engine.snapshot.epoch, next.reported], [6, []]);
  const begun = next.engine.holding().rows.length;
  assert.deepEqual([next.leaving(), next.asked, next.reported], [REVOKED, [], []]);
  assert.ok(begun < next.engine.holding().rows.length && next.engine.holding().rows.length <= held);
  // What it did not hold is not there, and is nobody's fault.
  const large = await keeping([at(5, first)], { config: "lazy=262144\n" });
  assert.ok(large.cache.puts[0].bytes.length < first.bytes.length / 4, `${large.cache.puts[0].bytes.length}`);
  const again = await restarted(large.cache.values, { config: "lazy=262144\n" });
  assert.deepEqual([again.engine.snapshot.epoch, again.reported, [4, 18].includes(again.leaving())], [5, [], true]);
  assert.equal(await again.refresh({ ...at(6, second), patches: patches(first, second) }), "taken");
});

test("a value may come in pieces, cut anywhere", async () => {
  const large = await keeping([at(5, first), { ...at(6, second), patches: patches(first, second) }]);
  const small = await keeping([at(5, before), at(6, after)]);
  for (const [{ cache }, size] of [[small, 1], [small, 7], [large, 1000], [large, 65_536], [large, 1 << 24]]) {
    const streamed = { ...cache, get: async (name) => {
      const value = cache.values.get(name);
      let sent = 0;
      return value && new ReadableStream({ pull: (to) => (sent < value.length ? to.enqueue(value.slice(sent, (sent += size))) : to.close()) });
    } };
    const state = await restarted(streamed);
    assert.deepEqual([state.engine.snapshot.epoch, state.engine.mended(), state.reported], [6, true, []], String(size));
  }
});

test("a cache that fails, hangs or holds nonsense is told once and holds up nobody longer than its bound", async () => {
  const never = () => new Promise(() => {});
  const broken = () => Promise.reject(new Error("503"));
  const gets = { hangs: [never, "deadline"], fails: [broken, "unreachable"], throws: [() => { throw new Error("x"); }, "unreachable"], text: [async () => "text", "content"], "a number": [async () => 7, "content"] };
  for (const [name, [get, code]] of Object.entries(gets)) {
    const state = await edge(undefined, { cache: { get, put: async () => {} } });
    const answer = state.refresh(at(5, before));
    await state.clock.pass(5000);
    assert.deepEqual([await answer, state.engine.snapshot.epoch, state.reported], ["taken", 5, [code]], name);
  }
  for (const [name, [put, code]] of Object.entries({ hangs: [never, "deadline"], fails: [broken, "unreachable"], throws: [() => { throw new Error("x"); }, "unreachable"] })) {
    const cache = store();
    const { put: good } = cache;
    let attempts = 0;
    cache.put = () => (attempts++, put());
    const state = await edge(undefined, { cache });
    for (let epoch = 5; epoch < 9; epoch++) {
      assert.equal(await state.refresh(at(epoch, epoch % 2 ? before : after)), "taken", name); // no time passes
      await turn();
    }
    await state.kept();
    assert.deepEqual([attempts, state.reported], [1, [code]], name); // a cache that failed is left alone for a while
    cache.put = good;
    for (let epoch = 9; epoch < 13; epoch++) {
      await state.clock.pass(300_000);
      await state.refresh(at(epoch, epoch % 2 ? before : after));
      await state.kept();
    }
    assert.deepEqual([(await restarted(cache.values)).engine.snapshot.epoch, state.reported], [12, [code]], name);
    // Once it has worked again, the next failure is news.
    cache.put = broken;
    await state.refresh(at(13, before));
    await state.kept();
    assert.deepEqual(state.reported, [code, "unreachable"], name);
  }
});

test("a write that ends after it counted as failed may have replaced a later one: all is written anew", async () => {
  const cache = store();
  const { put } = cache;
  let end;
  cache.put = (name, value) => new Promise((resolve) => (end = () => resolve(put(name, value))));
  const state = await edge(undefined, { cache });
  await state.refresh(at(5, before));
  await state.clock.pass(31_000);
  cache.put = put;
  await state.clock.pass(300_000);
  await state.refresh(at(6, after));
  await state.kept();
  assert.equal((await restarted(cache.values)).engine.snapshot.epoch, 6);
  end();
  await state.clock.pass(1000);
  assert.equal((await restarted(cache.values)).engine.snapshot.epoch, 5);
  await state.refresh();
  await state.kept();
  assert.equal((await restarted(cache.values)).engine.snapshot.epoch, 6);
});

test("a core that stopped before what it served was kept holds nobody up, and what the next one serves is kept", async () => {
  const { state, cache } = await keeping([at(5, before)]);
  await state.refresh(at(6, after));
  state.stop();
  await state.kept();
  for (let turns = 0; turns < 5; turns++) await turn(); // a loop without a pause would not get here
  assert.equal(await state.refresh(at(7, before)), "taken");
  await state.kept();
  assert.equal((await restarted(cache.values)).engine.snapshot.epoch, 7);
});

test("of many edges that share a store one writes each epoch, the others build on what it wrote, and each state is whole", async () => {
  const cache = Object.assign(store(), { shared: true });
  const states = await Promise.all([1, 2, 3].map(() => edge(undefined, { cache })));
  const trees = [first];
  for (let epoch = 6; epoch < 12; epoch++) trees.push(tree(100_000, { [epoch]: epoch, [epoch + 40]: 1 }));
  trees.push(tree(100_000, Object.fromEntries(Array.from({ length: 60 }, (_, shard) => [shard, 3]))), tree(100_000, { 3: 3 }));
  const puts = [];
  for (const [index, one] of trees.entries()) {
    const order = [0, 1, 2].map((n) => states[(n + index) % 3]); // another one is the first each time
    for (const state of order) {
      assert.equal(await state.refresh({ ...at(5 + index, one), patches: patches(...trees.slice(Math.max(0, index - 1), index + 1)) }), "taken");
      await state.kept();
      await state.clock.pass(10_000);
      const found = await restarted(cache.values);
      assert.deepEqual([found.engine.snapshot.epoch, found.engine.mended(), found.reported], [5 + index, true, []]);
    }
    puts.push(cache.puts.length);
  }
  assert.deepEqual(puts, puts.map((_, index) => index + 1));
  assert.ok(cache.puts.filter(({ name }) => name === "changes").length >= 6);
  // One that found nothing when it began, and is behind, takes nothing back.
  let gets = 0;
  const late = await edge(undefined, { cache: { ...cache, get: async (name) => (gets++ < 2 ? undefined : cache.get(name)) } });
  assert.equal(await late.refresh(at(5, first)), "taken");
  await late.kept();
  await late.refresh(); // nothing is new, so nothing is looked at
  await late.kept();
  assert.deepEqual([gets, cache.puts.length, late.engine.snapshot.epoch], [4, puts.at(-1), 5]);
});

test("what others say of what they wrote is not believed where it was not taken", async () => {
  const cache = Object.assign(store(), { shared: true });
  const theirs = await keeping([at(900, before)]);
  cache.values.set("edgelatch-acme-tree", theirs.cache.values.get("edgelatch-acme-tree"));
  const deployed = root({ version: 1, publisher: [3], by: [1] });
  const state = await edge(undefined, { cache, deployed });
  for (const epoch of [5, 6]) {
    assert.equal(await state.refresh(at(epoch, epoch === 5 ? before : after, { by: [3] })), "taken");
    await state.kept();
    await state.clock.pass(10_000);
  }
  assert.deepEqual([cache.puts.length, state.reported], [2, ["too_few_signatures"]]);
  assert.equal((await restarted(cache.values, { deployed })).engine.snapshot.epoch, 6);
});

test("what a write has torn that failed is not built upon", async () => {
  const cache = store();
  const { put } = cache;
  const state = await edge(undefined, { cache });
  const many = tree(100_000, Object.fromEntries(Array.from({ length: 60 }, (_, shard) => [shard, 3])));
  const next = async (shown) => {
    assert.equal(await state.refresh(shown), "taken");
    await state.kept();
    await state.clock.pass(300_000);
  };
  await next(at(5, first));
  cache.put = async (name, value) => {
    await put(name, value.subarray(0, value.length >> 1));
    throw new Error("the disk is full");
  };
  await next(at(6, many));
  cache.put = put;
  await next({ ...at(7, second), patches: patches(many, second) }); // little differs from what was there at first
  assert.deepEqual([cache.puts.at(-1).name, (await restarted(cache.values)).engine.snapshot.epoch], ["tree", 7]);
});

test("what is held can be read until another tree serves, or an object of it has come", async () => {
  const state = await edge(at(5, before));
  const holding = state.engine.holding();
  assert.deepEqual([holding.unmoved(), holding.epoch, holding.rows[0].place], [true, 5, 0]);
  await state.refresh(at(6, after));
  assert.deepEqual([holding.unmoved(), state.engine.holding().unmoved()], [false, true]);
  const { cache } = await keeping([at(5, before)], { config: "lazy=1000000\n" });
  const lazy = await restarted(cache.values, { config: "lazy=1000000\n" });
  const begun = lazy.engine.holding();
  assert.deepEqual([begun.unmoved(), lazy.leaving(), begun.unmoved()], [true, VALID, false]);
});

test("writes are one at a time, at most one a second, and the last state is in one of them", async () => {
  const cache = store();
  const times = [];
  let [under, most] = [0, 0];
  const { put } = cache;
  const state = await edge(undefined, { cache });
  cache.of = state;
  cache.put = async (name, value) => {
    times.push(state.clock.now());
    most = Math.max(most, ++under);
    await new Promise((resolve) => state.clock.setTimeout(resolve, 300));
    await put(name, value);
    under--;
  };
  for (let epoch = 5; epoch < 30; epoch++) {
    await state.refresh(at(epoch, epoch % 2 ? before : after));
    await state.clock.pass(100);
  }
  await state.kept();
  const pauses = times.slice(1).map((time, index) => time - times[index]);
  assert.ok(most === 1 && Math.min(...pauses) >= 1000 && times.length <= 5, `${most} at once, ${pauses}`);
  assert.equal((await restarted(cache.values)).engine.snapshot.epoch, 29);
});

test("heads that renew the same tree are kept once a minute, as little more than the head", async () => {
  const { state, cache } = await keeping([at(5, first)]);
  for (let epoch = 6; epoch < 30; epoch++) {
    await state.refresh(at(epoch, first));
    await state.kept();
    await state.clock.pass(10_000);
  }
  const renewals = cache.puts.slice(1);
  assert.ok(renewals.length >= 3 && renewals.length <= 5 && renewals.every(({ name, bytes }) => name === "changes" && bytes.length < 1000));
  assert.ok((await restarted(cache.values)).engine.snapshot.epoch >= 24);
});

test("what is kept is what is served after the core has stopped, too, and what was kept while another tree came in is whole", async () => {
  const { state, cache } = await keeping([at(5, first), { ...at(6, second), patches: patches(first, second) }]);
  state.stop();
  assert.equal(await state.refresh({ ...at(7, third), patches: patches(second, third) }), "taken");
  await state.kept();
  assert.deepEqual([cache.puts.at(-1).name, (await restarted(cache.values)).engine.snapshot.epoch], ["changes", 7]);
  // A tree that is replaced while it is being copied.
  const other = store();
  const busy = await edge(undefined, { cache: other });
  await busy.refresh(at(5, first));
  let from = first;
  for (let epoch = 6; epoch < 12; epoch++) {
    const to = tree(100_000, { [epoch]: epoch });
    await busy.refresh({ ...at(epoch, to), patches: patches(from, to) });
    from = to;
  }
  await busy.kept();
  const found = await restarted(other.values);
  assert.deepEqual([found.engine.snapshot.epoch, found.engine.mended(), found.reported], [11, true, []]);
});
