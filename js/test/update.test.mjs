import assert from "node:assert/strict";
import test from "node:test";
import { UpdateError } from "../dist/errors.js";
import { updater } from "../dist/engine/update.js";

const signal = new AbortController().signal;
const pace = { now: () => 0, pause: async () => {} };
const bytes = (text) => new TextEncoder().encode(text);
const text = (value) => new TextDecoder().decode(value);
const [UNCHANGED, RENEWED, ROOT_NEEDED, TREE_NEEDED] = [0, 1, 2, 3];

/**
 * An engine that notes what it is shown and answers as told: with a number, or by throwing an error. Candidates are for the trees named, the
 * last one for all that follow, and lack everything until they are fed.
 */
function fake({ offers = [], refusals = [], room = 100, trees = ["t"] } = {}) {
  const log = [];
  let staged = 1;
  return {
    log,
    trapped: undefined,
    lacking: undefined,
    snapshot: { epoch: 1 },
    tree: { treeBytes: 2, needs: () => [] },
    nextRoot: () => staged + 1,
    stageRoot: (root) => (log.push(`stage ${text(root)}`), staged++),
    abort: () => (staged = 1),
    offer: (head) => {
      log.push(`offer ${text(head)}`);
      const offer = offers.shift() ?? UNCHANGED;
      if (offer instanceof Error) throw offer;
      return { offer, bundleBytes: room };
    },
    begin: () => ({
      to: trees.length > 1 ? trees.shift() : trees[0],
      complete: false,
      needs: () => [],
      feed(bundle) {
        log.push(`feed ${text(bundle)}`);
        const refusal = refusals.shift();
        if (refusal) throw refusal;
        this.complete = true;
      },
    }),
    commit: () => log.push("commit"),
    fill: async (_timing, parts) => parts && log.push(`fill from ${text(parts.object({ offset: 0, length: 2 }))}`),
    mended: () => log.at(-1).startsWith("fill"),
    restore: async () => log.push("restore"),
  };
}

function source(log, replies) {
  const get = (name) => async ({ etag, maxBytes }) => {
    log.push(`get ${name}${etag ? ` if not ${etag}` : ""}${maxBytes ? ` up to ${maxBytes}` : ""}`);
    const reply = replies[name];
    return reply === undefined || reply === etag ? undefined : { bytes: bytes(reply), etag: reply };
  };
  return { head: get("head"), bundle: get("bundle"), root: async (n) => (log.push(`get root ${n}`), n <= (replies.roots ?? 0) ? bytes(`root${n}`) : undefined) };
}

const refresher = (engine, from, report = () => assert.fail("nothing is to be reported")) => updater(engine, from, pace, report);

test("an unchanged or renewed head needs no bundle, and no tag decides what a head is", async () => {
  const engine = fake({ offers: [UNCHANGED, RENEWED] });
  const replies = { head: "h1" };
  const update = refresher(engine, source(engine.log, replies));
  assert.equal(await update(signal), false);
  replies.head = "h2";
  assert.equal(await update(signal), true);
  assert.equal(await update(signal), false);
  assert.deepEqual(engine.log, ["get head", "offer h1", "get head", "offer h2", "get head", "offer h2"]);
});

test("a new tree is fetched, at most as large as its head says, and taken for that head", async () => {
  const engine = fake({ offers: [TREE_NEEDED, TREE_NEEDED] });
  assert.equal(await refresher(engine, source(engine.log, { head: "h2", bundle: "b2" }))(signal), true);
  assert.deepEqual(engine.log, ["get head", "offer h2", "get bundle up to 100", "offer b2", "offer h2", "feed b2", "commit"]);
  const small = fake({ offers: [TREE_NEEDED, TREE_NEEDED], room: 3 });
  await assert.rejects(refresher(small, source(small.log, { head: "h2", bundle: "long" }))(signal), { code: "too_large" });
  assert.deepEqual(small.log, ["get head", "offer h2", "get bundle up to 3"]);
});

test("a bundle of another tree is taken under its own head", async () => {
  const engine = fake({ offers: [TREE_NEEDED, TREE_NEEDED], trees: ["t2", "t2", "t3"] });
  assert.equal(await refresher(engine, source(engine.log, { head: "h2", bundle: "b3" }))(signal), true);
  assert.deepEqual(engine.log, ["get head", "offer h2", "get bundle up to 100", "offer b3", "feed b3", "commit", "offer h2"]);
});

test("a bundle whose own head is refused is taken if its tree is the one that is wanted, else that refusal is told", async () => {
  const refused = new UpdateError("head_expired", "x");
  const engine = fake({ offers: [TREE_NEEDED, refused] });
  assert.equal(await refresher(engine, source(engine.log, { head: "h2", bundle: "b2" }))(signal), true);
  assert.deepEqual(engine.log, ["get head", "offer h2", "get bundle up to 100", "offer b2", "feed b2", "commit"]);
  const other = fake({ offers: [TREE_NEEDED, refused], refusals: [new UpdateError("wrong_digest", "x")] });
  await assert.rejects(refresher(other, source(other.log, { head: "h2", bundle: "b2" }))(signal), { code: "head_expired" });
});

test("a head that names a tree which the source does not deliver is an error, never 'unchanged'", async () => {
  for (const bundle of [undefined, "old"]) {
    const engine = fake({ offers: bundle === undefined ? [TREE_NEEDED, TREE_NEEDED] : [TREE_NEEDED, UNCHANGED, TREE_NEEDED] });
    await assert.rejects(refresher(engine, source(engine.log, { head: "h2", bundle }))(signal), { code: "behind" });
  }
});

test("a refused bundle is not remembered as seen", async () => {
  const engine = fake({ offers: [TREE_NEEDED, TREE_NEEDED, TREE_NEEDED], refusals: [new UpdateError("wrong_digest", "x")] });
  const { bundle } = source(engine.log, { bundle: "b" });
  const update = refresher(engine, { bundle });
  await assert.rejects(update(signal), { code: "wrong_digest" });
  assert.deepEqual([await update(signal), await update(signal)], [true, false]);
  assert.deepEqual(engine.log.filter((line) => line.startsWith("get")), ["get bundle", "get bundle", "get bundle if not b"]);
});

test("newer roots are fetched one by one, each proven before the next, for a head or for a bundle", async () => {
  const engine = fake({ offers: [ROOT_NEEDED, ROOT_NEEDED, TREE_NEEDED, TREE_NEEDED] });
  await refresher(engine, source(engine.log, { head: "h", bundle: "b", roots: 9 }))(signal);
  assert.deepEqual(engine.log, [
    "get head", "offer h", "get root 2", "stage root2", "offer h", "get root 3", "stage root3", "offer h", "get bundle up to 100", "offer b", "offer h", "feed b", "commit",
  ]);

  const bare = fake({ offers: [ROOT_NEEDED, TREE_NEEDED] });
  const { bundle, root } = source(bare.log, { bundle: "b", roots: 2 });
  await refresher(bare, { bundle, root })(signal);
  assert.deepEqual(bare.log, ["get bundle", "offer b", "get root 2", "stage root2", "offer b", "feed b", "commit"]);

  const none = fake({ offers: [ROOT_NEEDED] });
  await assert.rejects(refresher(none, { bundle })(signal), { code: "root_needed" });

  const endless = fake({ offers: Array(100).fill(ROOT_NEEDED) });
  await assert.rejects(refresher(endless, source(endless.log, { head: "h", roots: 1000 }))(signal), { code: "root_needed" });
  assert.equal(endless.log.filter((line) => line.startsWith("get root")).length, 64);
});

test("a head that names a root nobody has costs no bundle", async () => {
  const engine = fake({ offers: [ROOT_NEEDED] });
  await assert.rejects(refresher(engine, source(engine.log, { head: "h1", bundle: "b1" }))(signal), { code: "root_needed" });
  assert.deepEqual(engine.log, ["get head", "offer h1", "get root 2"]);
});

test("a refresh that was given up changes nothing any more", async () => {
  const abort = new AbortController();
  const engine = fake();
  const late = { head: async () => (abort.abort(new Error("late")), { bytes: bytes("h") }), bundle: async () => assert.fail() };
  await assert.rejects(refresher(engine, late)(abort.signal), /late/);
  assert.deepEqual(engine.log, []);
});

test("a stopped core is restored first; when that fails for good it is said, and the source is asked all the same", async () => {
  const engine = fake();
  const reported = [];
  const update = refresher(engine, source(engine.log, { head: "h" }), (error) => reported.push(error.code));
  engine.trapped = new Error("trap");
  engine.restore = async () => {
    engine.log.push("restore");
    engine.trapped = undefined;
    if (reported.length === 0) throw new UpdateError("head_expired", "x");
  };
  await update(signal);
  assert.deepEqual([engine.log, reported], [["restore", "get head", "offer h"], ["head_expired"]]);
  engine.trapped = new Error("trap");
  engine.restore = async () => {
    throw new UpdateError("too_large", "no memory for another instance");
  };
  await assert.rejects(update(signal), { code: "too_large" });
});

test("a source that answers nonsense is named", async () => {
  for (const reply of [null, {}, { bytes: "text" }, { bytes: [1] }, { stream: "text" }, { stream: {} }, { stream: null }, { stream: [[1]] }]) {
    await assert.rejects(refresher(fake({ offers: [TREE_NEEDED] }), { bundle: async () => reply })(signal), { code: "source" }, JSON.stringify(reply));
    await assert.rejects(refresher(fake(), { head: async () => reply, bundle: async () => assert.fail() })(signal), { code: "source" });
  }
});

test("a snapshot that lacks what was damaged is mended though its head is unchanged, and no tag stands in the way", async () => {
  const engine = fake({ offers: [UNCHANGED] });
  engine.lacking = new Error("x");
  assert.equal(await refresher(engine, source(engine.log, { head: "h1", bundle: "b1" }))(signal), true);
  assert.deepEqual(engine.log, ["get head", "offer h1", "get bundle up to 100", "fill from b1"]);

  const bare = fake({ offers: [TREE_NEEDED, UNCHANGED] });
  const { bundle } = source(bare.log, { bundle: "b1" });
  const update = refresher(bare, { bundle });
  await update(signal);
  bare.lacking = new Error("x");
  bare.log.length = 0;
  assert.equal(await update(signal), true);
  assert.deepEqual(bare.log, ["get bundle", "offer b1", "fill from b1"]);
});
