import assert from "node:assert/strict";
import test from "node:test";
import { UpdateError } from "../dist/errors.js";
import { updater } from "../dist/update.js";

const signal = new AbortController().signal;
const pace = { now: () => 0, pause: async () => {} };
const bytes = (text) => new TextEncoder().encode(text);
const text = (value) => new TextDecoder().decode(value);

/** An engine that notes what it is shown and answers as told. */
function fake({ offers = [], refusals = [] } = {}) {
  const log = [];
  return {
    log,
    trapped: undefined,
    snapshot: { epoch: 1 },
    rootVersion: () => 1,
    offerHead: (head) => (log.push(`head ${text(head)}`), offers.shift() ?? 0),
    replace: async (roots, bundle) => {
      log.push(`bundle ${text(bundle)}${roots.map((root) => ` ${text(root)}`).join("")}`);
      const refusal = refusals.shift();
      if (refusal) throw refusal;
    },
    restore: async () => log.push("restore"),
  };
}

function source(log, replies) {
  const get = (name) => async ({ etag }) => {
    log.push(`get ${name}${etag ? ` if not ${etag}` : ""}`);
    const reply = replies[name];
    return reply === undefined || reply === etag ? undefined : { bytes: bytes(reply), etag: reply };
  };
  return { head: get("head"), bundle: get("bundle"), root: async (n) => (log.push(`get root ${n}`), n <= (replies.roots ?? 0) ? bytes(`root${n}`) : undefined) };
}

test("an unchanged or renewed head needs no bundle", async () => {
  const engine = fake({ offers: [0, 1] });
  const replies = { head: "h1" };
  const update = updater(engine, source(engine.log, replies), pace);
  assert.equal(await update(signal), false);
  replies.head = "h2";
  assert.equal(await update(signal), true);
  assert.equal(await update(signal), false);
  assert.deepEqual(engine.log, ["get head", "head h1", "get head if not h1", "head h2", "get head if not h2"]);
});

test("a new tree is fetched, and a bundle that lags behind its head is looked for again", async () => {
  const engine = fake({ offers: [2, 2, 2, 0] });
  const replies = { head: "h2", bundle: "b1" };
  const update = updater(engine, source(engine.log, replies), pace);
  assert.equal(await update(signal), true);
  replies.bundle = "b2";
  assert.equal(await update(signal), true);
  assert.equal(await update(signal), false);
  assert.deepEqual(engine.log, [
    "get head", "head h2", "get bundle", "bundle b1", "head h2",
    "get head", "head h2", "get bundle if not b1", "bundle b2", "head h2",
    "get head if not h2",
  ]);
});

test("a refused bundle is not remembered as seen", async () => {
  const engine = fake({ offers: [2, 2], refusals: [new UpdateError("wrong_digest", "x")] });
  const update = updater(engine, source(engine.log, { head: "h", bundle: "b" }), pace);
  await assert.rejects(update(signal), { code: "wrong_digest" });
  await update(signal);
  assert.deepEqual(engine.log.filter((line) => line.startsWith("get")), ["get head", "get bundle", "get head", "get bundle"]);
});

test("newer roots are fetched in order, for a head or for a bundle", async () => {
  const engine = fake({ offers: [3, 0] });
  await updater(engine, source(engine.log, { head: "h", bundle: "b", roots: 3 }), pace)(signal);
  assert.deepEqual(engine.log, ["get head", "head h", "get root 2", "get root 3", "get root 4", "get bundle", "bundle b root2 root3", "head h"]);

  const bare = fake({ refusals: [new UpdateError("root_needed", "x")] });
  const { bundle, root } = source(bare.log, { bundle: "b", roots: 2 });
  await updater(bare, { bundle, root }, pace)(signal);
  assert.deepEqual(bare.log, ["get bundle", "bundle b", "get root 2", "get root 3", "bundle b root2"]);

  const none = fake({ refusals: [new UpdateError("root_needed", "x")] });
  await assert.rejects(updater(none, { bundle }, pace)(signal), { code: "root_needed" });
});

test("a look that was given up changes nothing any more", async () => {
  const abort = new AbortController();
  const engine = fake();
  const late = { head: async () => (abort.abort(new Error("late")), { bytes: bytes("h") }), bundle: async () => assert.fail() };
  await assert.rejects(updater(engine, late, pace)(abort.signal), /late/);
  assert.deepEqual(engine.log, []);
});

test("a stopped core is restored first; when that fails, everything is fetched anew", async () => {
  const engine = fake({ offers: [0] });
  const update = updater(engine, source(engine.log, { head: "h" }), pace);
  await update(signal);
  engine.trapped = new Error("trap");
  engine.restore = async () => {
    engine.log.push("restore");
    engine.trapped = undefined;
  };
  await update(signal);
  engine.trapped = new Error("trap");
  engine.restore = async () => {
    throw new UpdateError("head_expired", "x");
  };
  await assert.rejects(update(signal), { code: "head_expired" });
  engine.trapped = undefined;
  await update(signal);
  assert.deepEqual(engine.log, ["get head", "head h", "restore", "get head if not h", "get head", "head h"]);
});

test("a source that answers nonsense is named", async () => {
  for (const reply of [null, {}, { bytes: "text" }, { bytes: [1] }]) {
    await assert.rejects(updater(fake(), { bundle: async () => reply }, pace)(signal), { code: "source" });
  }
});

test("a damaged snapshot is fetched anew though its head is unchanged, and no tag stands in the way", async () => {
  const engine = fake({ offers: [2, 0, 0, 0] });
  const update = updater(engine, source(engine.log, { head: "h1", bundle: "b1" }), pace);
  await update(signal);
  engine.damaged = true;
  engine.log.length = 0;
  assert.equal(await update(signal), true);
  assert.deepEqual(engine.log, ["get head", "head h1", "get bundle", "bundle b1", "head h1"]);
});

test("a head that names a root nobody has costs no bundle", async () => {
  const engine = fake({ offers: [3] });
  const update = updater(engine, source(engine.log, { head: "h1", bundle: "b1" }), pace);
  await assert.rejects(update(signal), { code: "root_needed" });
  assert.deepEqual(engine.log, ["get head", "head h1", "get root 2"]);
});

test("a bundle ahead of its head is no failure", async () => {
  const engine = fake({ offers: [2] });
  const offer = engine.offerHead;
  engine.offerHead = (head) => {
    if (engine.log.some((line) => line.startsWith("bundle"))) throw new UpdateError("rollback", "epoch 5 is older than epoch 6");
    return offer(head);
  };
  assert.equal(await updater(engine, source(engine.log, { head: "h1", bundle: "b2" }), pace)(signal), true);
});
