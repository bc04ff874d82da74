// What a verifier does with a cache: what it waits for when it begins, and what requests wait for.
import assert from "node:assert/strict";
import test from "node:test";
import { fakeClock, settle } from "../../tests/runtimes/clock.mjs";
import { createVerifier } from "../dist/entry/node.js";
import { Refresher } from "../dist/refresh/refresher.js";
import { after, at, before, fixture, start } from "./edge.mjs";

const never = () => new Promise(() => {});
const memory = () => {
  const values = new Map();
  return { values, get: async (name) => values.get(name), put: async (name, value) => void values.set(name, value) };
};
const sourceOf = ({ head, bundle }) => ({ head: async () => ({ bytes: head }), bundle: async () => ({ bytes: bundle }) });

/** A verifier that closes at the end of its test. */
async function verifier(t, options) {
  const errors = [];
  const made = await createVerifier({ root: fixture.roots[0], now: () => (start + 10) * 1000, onError: (error) => errors.push(error.cause?.code ?? error.code), ...options });
  t.after(() => made.close());
  return Object.assign(made, { errors });
}

/** A cache in which an edge has kept epoch 5. */
async function kept(t) {
  const cache = memory();
  const first = await verifier(t, { source: sourceOf(at(5, before)), cache, refresh: { stream: false } });
  first.close();
  while (cache.values.size === 0) await settle();
  return cache;
}
const leaving = (made) => made.verifyKey(fixture.keys.leaving).code;

test("a verifier is ready as soon as what was kept serves, whether its source answers or not", async (t) => {
  const cache = await kept(t);
  for (const [name, head] of Object.entries({ hangs: never, fails: () => Promise.reject(Object.assign(new Error("down"), { code: "down" })) })) {
    for (const mode of ["timer", "demand"]) {
      const made = await verifier(t, { source: { head, bundle: never }, cache, refresh: { mode, stream: false, maxWait: name === "hangs" ? 20 : 60_000 } });
      if (mode === "demand") await made.load();
      assert.deepEqual([made.ready, made.epoch, leaving(made)], [true, 5, "valid"], `${name}, ${mode}`);
      await made.load(); // maxWait at most
      assert.equal(leaving(made), "valid");
      if (name === "fails") assert.deepEqual(made.errors, ["down"]);
    }
  }
});

test("a key that was revoked while nobody ran is refused by the first request that waits, where the source answers in time", async (t) => {
  const cache = await kept(t);
  for (const mode of ["timer", "demand"]) {
    let show;
    const shown = new Promise((resolve) => (show = resolve));
    const { head, bundle } = at(6, after);
    const source = { head: async () => (await shown, { bytes: head }), bundle: async () => ({ bytes: bundle }) };
    const made = await verifier(t, { source, cache: { ...cache, put: async () => {} }, refresh: { mode, stream: false, maxWait: 60_000 } });
    const asked = made.load().then(() => leaving(made));
    while (!made.ready) await settle();
    assert.deepEqual([made.overdue, made.epoch], [true, 5]);
    show();
    assert.equal(await asked, "revoked", mode);
  }
});

test("a cache that is none is a TypeError", async (t) => {
  for (const cache of [null, {}, { get() {} }, "dir"]) await assert.rejects(verifier(t, { source: sourceOf(at(5, before)), cache }), /cache: an object with/);
});

test("on demand, a request waits for the first snapshot as long as it takes, but once what was kept serves no longer than maxWait", async () => {
  const cases = [
    // when what was kept begins to serve, and until when a request waits for a source that hangs
    [undefined, 500], [0, 100], [50, 100], [200, 200],
  ];
  for (const [begins, ends] of cases) {
    const clock = fakeClock();
    const serving = { epoch: 0, ready: false };
    let begin;
    const background = { begun: new Promise((resolve) => (begin = resolve)) };
    const made = new Refresher(never, serving, { mode: "demand", deadline: 500, maxWait: 100 }, () => {}, {}, clock, background);
    let waits = true;
    made.due().then(() => (waits = false));
    for (let time = 0; time <= ends; time++) {
      if (time === begins) {
        Object.assign(serving, { epoch: 5, ready: true });
        begin();
      }
      await settle();
      assert.equal(waits, time < ends, `${begins}: at ${time}`);
      await clock.pass(1);
    }
  }
});

test("whoever carries a refresh carries what it left to be done, by the platform's own means where there is no other", async () => {
  const clock = fakeClock();
  const carried = [];
  let finish;
  const left = new Promise((resolve) => (finish = resolve));
  const background = { settled: () => left, waitUntil: (work) => carried.push(["platform", work]) };
  const made = new Refresher(async () => true, { epoch: 5, ready: true }, { mode: "demand", interval: 1000 }, () => {}, {}, clock, background);
  made.touch(Number.NaN);
  assert.deepEqual(carried.map(([by]) => by), ["platform"]);
  let done = false;
  carried[0][1].then(() => (done = true));
  await settle();
  assert.equal(done, false);
  finish();
  await settle();
  assert.equal(done, true);
  await clock.pass(5000);
  made.touch(Number.NaN, (work) => carried.push(["context", work]));
  assert.deepEqual(carried.map(([by]) => by), ["platform", "context"]);
});
