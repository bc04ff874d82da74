// Lazy edges with the real core: what is fetched for which request, and what happens when it does not come.
import assert from "node:assert/strict";
import test from "node:test";
import { createVerifier, protect } from "../dist/entry/node.js";
import { keyText, objectsOf, patch, treeOfKeys } from "../../tests/runtimes/publisher.mjs";
import { Instance } from "../dist/engine/instance.js";
import { CODE } from "../dist/generated/codes.js";
import { at, bytes, edge, fixture, turn } from "./edge.mjs";

const TEXTS = Array.from({ length: 20_000 }, (_, number) => keyText(number));
const TREE = treeOfKeys(TEXTS);
const OBJECTS = objectsOf(TREE);
/** No key of the realm has such a number. */
const stranger = (number) => keyText(10_000_000 + number);
/** Unix milliseconds at which heads of the fixture are good. */
const clock = () => (fixture.start + 10) * 1000;

/** A source that counts, and that a test may hold, break or change. */
function sourceOf(tree = TREE, epoch = 5) {
  const state = { shown: at(epoch, tree), objects: objectsOf(tree), patches: new Map(), fetched: [], read: 0, failing: undefined };
  const piece = 1 << 12;
  state.source = {
    head: async () => ({ bytes: state.shown.head }),
    bundle: async () => ({
      stream: (async function* () {
        for (let from = 0; from < state.shown.bundle.length; from += piece) {
          state.read += piece;
          yield state.shown.bundle.subarray(from, from + piece);
        }
      })(),
    }),
    patch: async (from, to) => state.patches.get(`${from} ${to}`),
    object: async (digest) => {
      state.fetched.push(digest);
      await state.failing?.(digest);
      return state.altered?.(digest) ?? state.objects.get(digest);
    },
  };
  state.publish = (next, number, before = tree) => {
    [state.shown, state.objects] = [at(number, next), objectsOf(next)];
    state.patches.set(`${before.id} ${next.id}`, patch(before, next));
  };
  return state;
}

async function lazyEdge(t, state, lazy = { bytes: 1 << 20 }, more = {}) {
  const errors = [];
  const options = { root: bytes(fixture.roots[0]), source: state.source, lazy, now: clock, onError: (error) => errors.push(error), refresh: { mode: "manual" }, ...more };
  const verifier = await createVerifier(options);
  t.after(() => verifier.close());
  if (verifier.mode === "manual") await verifier.refresh();
  return { verifier, errors };
}

const codeOf = async (verifier, text) => (await verifier.checkKey(text)).code;

test("a lazy edge reads the beginning of a bundle, and fetches what a key needs", async (t) => {
  const state = sourceOf();
  const { verifier, errors } = await lazyEdge(t, state);
  assert.equal(verifier.epoch, 5);
  assert.ok(state.read < TREE.bytes.length / 10, `${state.read} of ${TREE.bytes.length} bytes were read`);
  assert.equal(verifier.verifyKey(TEXTS[7]).code, "shard_needed");
  assert.equal(verifier.verifyKey(TEXTS[7]).reply.status, 503);
  const verdict = await verifier.checkKey(TEXTS[7]);
  assert.deepEqual([verdict.code, verdict.org, state.fetched.length], ["valid", "org", 1]);
  assert.equal(verifier.verifyKey(TEXTS[7]).code, "valid");
  assert.ok(!(verifier.checkKey(TEXTS[7]) instanceof Promise), "what is here is answered at once");
  assert.equal(await codeOf(verifier, stranger(1)), "unknown");
  assert.deepEqual([state.fetched.length <= 2, errors], [true, []]);
});

test("requests that need the same object wait for one fetch", async (t) => {
  const state = sourceOf();
  const { verifier } = await lazyEdge(t, state);
  let release;
  state.failing = () => new Promise((resolve) => (release = resolve));
  const verdicts = Array.from({ length: 50 }, () => verifier.checkKey(TEXTS[7]));
  await turn();
  release();
  assert.deepEqual(new Set((await Promise.all(verdicts)).map(({ code }) => code)), new Set(["valid"]));
  assert.equal(state.fetched.length, 1);
});

test("what does not come is shard_unavailable, reported, and asked for again by the next request", async (t) => {
  const faults = {
    unreachable: [{ failing: async () => Promise.reject(new Error("503")) }, "503"],
    missing: [{ altered: () => null, objects: new Map() }, /behind|source delivers/],
    altered: [{ altered: (digest) => Buffer.from(state.objects.get(digest)).fill(0, 40, 44) }, /digest/],
    longer: [{ altered: (digest) => Buffer.concat([state.objects.get(digest), Buffer.alloc(1)]) }, /bytes/],
    empty: [{ altered: () => new Uint8Array() }, /digest|bytes|wrong/],
  };
  let state;
  for (const [name, [fault, message]] of Object.entries(faults)) {
    state = sourceOf();
    const good = { failing: state.failing, altered: state.altered, objects: state.objects };
    const { verifier, errors } = await lazyEdge(t, state);
    Object.assign(state, fault);
    const verdict = await verifier.checkKey(TEXTS[7]);
    assert.deepEqual([verdict.code, verdict.ok, verdict.reply.status], ["shard_unavailable", false, 503], name);
    assert.match(errors[0].message, message instanceof RegExp ? message : new RegExp(message), name);
    assert.equal(errors.length, 1, name);
    Object.assign(state, good);
    assert.equal(await codeOf(verifier, TEXTS[7]), "valid", name);
  }
});

test("a source that hangs costs a request maxWait, and none after it more", async (t) => {
  const state = sourceOf();
  const { verifier, errors } = await lazyEdge(t, state, { bytes: 1 << 20 }, { refresh: { mode: "manual", maxWait: 50 } });
  state.failing = () => new Promise(() => {});
  assert.equal(await codeOf(verifier, TEXTS[7]), "shard_unavailable");
  while (errors.length === 0) await turn(); // the request's timer and the fetch's end at the same moment
  assert.equal(errors[0].code, "deadline");
  state.failing = undefined;
  assert.equal(await codeOf(verifier, TEXTS[7]), "valid");
});

test("a revocation reaches what is held by its patch, and what is not by the next fetch", async (t) => {
  const state = sourceOf();
  const { verifier, errors } = await lazyEdge(t, state);
  const held = TEXTS[7];
  assert.equal(await codeOf(verifier, held), "valid");
  const cold = TEXTS.find((text) => verifier.verifyKey(text).code === "shard_needed");
  state.publish(treeOfKeys(TEXTS, new Set([held, cold])), 6);
  const before = state.fetched.length;
  await verifier.refresh();
  assert.equal(verifier.epoch, 6);
  assert.equal(verifier.verifyKey(held).code, "revoked");
  assert.equal(state.fetched.length, before, "the patch has brought it");
  assert.equal(await codeOf(verifier, cold), "revoked");
  assert.deepEqual(errors, []);
});

test("a revocation without a patch drops what changed, and what was accepted is asked for anew", async (t) => {
  const state = sourceOf();
  const { verifier } = await lazyEdge(t, state);
  assert.equal(await codeOf(verifier, TEXTS[7]), "valid");
  state.publish(treeOfKeys(TEXTS, new Set([TEXTS[7]])), 6);
  state.patches.clear();
  await verifier.refresh();
  assert.equal(verifier.epoch, 6);
  assert.equal(verifier.verifyKey(TEXTS[7]).ok, false);
  assert.equal(await codeOf(verifier, TEXTS[7]), "revoked");
});

test("a tree that comes while an object is fetched makes the request ask again", async (t) => {
  const state = sourceOf();
  const { verifier, errors } = await lazyEdge(t, state);
  const next = treeOfKeys(TEXTS, new Set([TEXTS[7]]));
  let release;
  state.failing = () => new Promise((resolve) => (release = resolve));
  const verdict = verifier.checkKey(TEXTS[7]);
  await turn();
  const old = release;
  state.publish(next, 6);
  state.altered = (digest) => OBJECTS.get(digest);
  state.failing = undefined;
  await verifier.refresh();
  old();
  assert.deepEqual([(await verdict).code, (await verdict).epoch, errors], ["revoked", 6, []]);
});

test("beyond the rate, strangers are refused and known keys are not", async (t) => {
  const state = sourceOf();
  const { verifier, errors } = await lazyEdge(t, state, { bytes: 1 << 18, fetchesPerSecond: 20 });
  const known = TEXTS.slice(0, 5);
  for (const text of known) assert.equal(await codeOf(verifier, text), "valid");
  const before = state.fetched.length;
  const codes = {};
  for (let number = 0; number < 500; number++) {
    const code = await codeOf(verifier, stranger(number));
    codes[code] = (codes[code] ?? 0) + 1;
  }
  assert.ok(state.fetched.length - before <= 20, `${state.fetched.length - before} were fetched in what is one second`);
  const { objects, bytes: held, protectedBytes, fetches, refused } = verifier.lazy;
  assert.deepEqual([fetches, refused], [state.fetched.length, codes.shard_unavailable]);
  assert.ok(objects > 0 && protectedBytes > 0 && protectedBytes <= held && held <= 1 << 18, JSON.stringify(verifier.lazy));
  assert.ok(codes.shard_unavailable > 0 && (codes.valid ?? 0) === 0, JSON.stringify(codes));
  for (const text of known) assert.equal(await codeOf(verifier, text), "valid");
  assert.deepEqual(errors, []);
});

test("protect waits for what a request needs", async (t) => {
  const state = sourceOf();
  const { verifier } = await lazyEdge(t, state);
  const handler = protect((_request, verdict) => new Response(verdict.org), { verifier });
  const ask = (text) => handler(new Request("https://api.example.com/", { headers: { host: "api.example.com", authorization: `Bearer ${text}` } }));
  assert.equal(await (await ask(TEXTS[9])).text(), "org");
  assert.equal((await ask(stranger(3))).status, 401);
  state.failing = async () => Promise.reject(new Error("down"));
  const cold = TEXTS.find((text) => verifier.verifyKey(text).code === "shard_needed");
  assert.equal((await ask(cold)).status, 503);
});

test("after a trap the edge goes on with what its memory holds, and fetches the rest", async () => {
  const state = await edge(at(5, TREE), { config: "lazy=1048576\n" });
  const ask = (text) => state.engine.verifyKey(text, undefined, 1, state.now);
  const fetch = (text) => {
    const need = state.engine.wanted(ask(text), state.now);
    state.engine.tree.supply(need, OBJECTS.get(need.digest));
  };
  fetch(TEXTS[7]);
  assert.equal(ask(TEXTS[7]) & 63, CODE.valid);
  state.stop();
  assert.equal(ask(TEXTS[7]) & 63, CODE.internal);
  assert.equal(await state.refresh(), "taken");
  assert.deepEqual([state.asked, state.engine.snapshot.epoch], [[], 5]);
  fetch(TEXTS[7]);
  fetch(TEXTS.find((text) => (ask(text) & 63) === CODE.shard_needed));
  assert.equal(ask(TEXTS[7]) & 63, CODE.valid);
});

test("what a request was to fulfil is kept while it waits, whatever its caller does with the object", async (t) => {
  const state = sourceOf();
  const { verifier } = await lazyEdge(t, state);
  const options = { permission: "admin.delete" };
  const waiting = verifier.checkKey(TEXTS[7], options);
  delete options.permission;
  assert.equal((await waiting).code, "permission_denied");
});

test("a request that has waited for the first snapshot has as long for its object as any other", async (t) => {
  const state = sourceOf();
  const { head } = state.source;
  state.source.head = async () => {
    await new Promise((later) => setTimeout(later, 150));
    return head();
  };
  state.failing = () => new Promise((later) => setTimeout(later, 20)); // it comes, but not at once
  const { verifier } = await lazyEdge(t, state, { bytes: 1 << 20 }, { refresh: { mode: "demand", maxWait: 100 } });
  assert.equal(await codeOf(verifier, TEXTS[7]), "valid");
});

test("a core that stops at an object which was fetched is reported, and replaced", async (t) => {
  const state = sourceOf();
  const { verifier, errors } = await lazyEdge(t, state, { bytes: 1 << 20 }, { refresh: { mode: "timer", stream: false } });
  const { prototype } = Instance;
  const { input } = prototype;
  t.after(() => (prototype.input = input));
  prototype.input = function () {
    throw this.stop(new WebAssembly.RuntimeError("unreachable"));
  };
  assert.equal(await codeOf(verifier, TEXTS[7]), "shard_unavailable");
  prototype.input = input;
  assert.deepEqual(errors.map(({ name }) => name), ["TrapError"]);
  for (let tries = 0; !verifier.ready && tries < 500; tries++) await new Promise((later) => setTimeout(later, 10));
  assert.equal(await codeOf(verifier, TEXTS[7]), "valid");
});

test("a lazy edge needs a source of objects, and a sensible bound", async () => {
  const { source } = sourceOf();
  const options = { root: bytes(fixture.roots[0]), source, now: clock };
  await assert.rejects(createVerifier({ ...options, source: { head: source.head, bundle: source.bundle }, lazy: { bytes: 1 << 20 } }), /lazy: the source has no object\(\)/);
  await assert.rejects(createVerifier({ ...options, lazy: { bytes: 10 } }), /lazy/);
  await assert.rejects(createVerifier({ ...options, lazy: {} }), /lazy\.bytes/);
  await assert.rejects(createVerifier({ ...options, lazy: { bytes: 1 << 20, fetchesPerSecond: 0 } }), /fetches/);
  await assert.rejects(createVerifier({ ...options, lazy: { bytes: 1 << 20, size: 1 } }), /unknown option "size"/);
  await assert.rejects(createVerifier({ ...options, lazy: undefined }), /lazy is undefined/);
});
