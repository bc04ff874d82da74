// Attacks on an edge's trust and memory, with the package as it was packed. Run by native.mjs on Node, Deno and Bun.
import { publish, root, tree, treeOf } from "./publisher.mjs";
import { equal, ok } from "./suite.mjs";
import { limited, trapping } from "./trap.mjs";

/** @returns `[name, run][]` */
export function attacks({ createVerifier, fixture, wasm }) {
  const { keys, start, life } = fixture;
  const bytes = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const [before, after] = ["first", "second"].map((name) => treeOf(bytes(fixture.snapshots[name].bundle))); // `leaving` is revoked in the second
  const at = (epoch, tree, more = {}) => publish({ epoch, tree, issuedAt: start, life, ...more });

  /** An edge on the path to which an attacker sits: what `shown` holds is what it sees. */
  async function edge(shown, options = {}) {
    const state = { now: start + 10, shown, fetched: [], errors: [] };
    const get = (name) => async (n) => {
      state.fetched.push(name === "root" ? `root ${n}` : name);
      return name === "root" ? state.shown.roots?.[n] : state.shown[name] && { bytes: state.shown[name] };
    };
    state.verifier = await createVerifier({
      root: fixture.roots[0],
      source: { head: get("head"), bundle: get("bundle"), root: get("root") },
      refresh: { mode: "manual" },
      now: () => state.now * 1000,
      onError: (error) => state.errors.push(error.code),
      ...options,
    });
    state.refresh = async (next) => {
      state.shown = next ?? state.shown;
      [state.fetched, state.errors] = [[], []];
      return state.verifier.refresh().then(() => "taken", (error) => error.code);
    };
    state.leaving = () => state.verifier.verifyKey(keys.leaving).code;
    if (shown) equal(await state.refresh(), options.expect ?? "taken");
    return state;
  }
  const compiled = (names) => WebAssembly.compile(trapping(wasm, names));

  /** Runs `test` while every new instance is made of `module()`, or as it should be; the memories of all are collected. */
  async function instances(module, test) {
    const Real = WebAssembly.Instance;
    const memories = [];
    WebAssembly.Instance = function (given, imports) {
      const made = new Real(module?.() ?? given, imports);
      memories.push(made.exports.memory);
      return made;
    };
    try {
      return await test(memories);
    } finally {
      WebAssembly.Instance = Real;
    }
  }

  return Object.entries({
    async "a root that adds a publisher key brings no old epoch back"() {
      const roots = { 2: root({ publisher: [2, 3] }) };
      const unsigned = at(101, before, { rootVersion: 2, by: [] });
      const replay = { head: unsigned.head, roots, bundle: at(90, before).bundle };
      const running = await edge(at(100, after));
      equal(running.leaving(), "revoked");
      ok((await running.refresh(replay)) !== "taken", "refused");
      equal([running.leaving(), running.verifier.epoch, running.verifier.rootVersion], ["revoked", 100, 1]);
      for (const options of [{ minEpoch: 100 }, { floor: { rootVersion: 1, epoch: 100 } }]) {
        const cold = await edge(undefined, options);
        for (const shown of [replay, { ...replay, head: at(90, before).head }, { ...replay, ...at(90, before, { rootVersion: 2, by: [3] }), roots }]) {
          ok((await cold.refresh(shown)) !== "taken", "refused");
          equal(cold.verifier.ready, false);
        }
        equal(await cold.refresh({ ...at(100, after, { rootVersion: 2, by: [3] }), roots }), "taken");
      }
    },

    async "an edge deployed anew with a later root keeps its floor"() {
      const again = await edge(undefined, { root: root({ publisher: [2] }), floor: { rootVersion: 1, epoch: 100 } });
      equal(await again.refresh(at(90, before)), "below_floor");
      equal([await again.refresh(at(100, after)), again.leaving()], ["taken", "revoked"]);
      const back = await edge(undefined, { floor: { rootVersion: 2, epoch: 100 } });
      equal(await back.refresh(at(110, before)), "root_needed");
    },

    async "a realm recovers from a thief who signed the last epoch"() {
      const running = await edge(at(2 ** 53 - 1, before));
      equal(running.verifier.floor, { rootVersion: 1, epoch: 2 ** 53 - 1 });
      const roots = { 2: root({ publisher: [3], era: 2, minEpoch: 101 }) };
      equal(await running.refresh({ ...at(101, after, { rootVersion: 2, by: [3] }), roots }), "taken");
      equal([running.leaving(), running.verifier.floor], ["revoked", { rootVersion: 2, epoch: 101 }]);
      ok((await running.refresh({ ...at(2 ** 53 - 1, before, { rootVersion: 2 }), roots })) !== "taken", "the thief's key");
    },

    async "an epoch that numbers do not hold exactly is refused, and nothing breaks later"() {
      const running = await edge(at(100, after), { wasm: await compiled(["path"]) });
      for (const epoch of [2n ** 53n, 2n ** 64n - 1n, 18_000_000_000_000_000_000n]) equal(await running.refresh(at(epoch, before)), "bad_field");
      running.verifier.verify(new Request("https://h/"), () => ({}));
      equal([running.leaving(), await running.refresh(at(100, after)), running.leaving()], ["internal", "taken", "revoked"]);
    },

    async "what was seen survives traps, refused restores and traps of restores, in any order"() {
      const good = await WebAssembly.compile(wasm);
      const bad = await compiled(["begin"]);
      const fragile = await compiled(["path"]);
      for (const course of ["t", "tt", "te", "tte", "ttet", "tetb", "tbtb", "bbte", "etet", "tttt"]) {
        let next = fragile;
        await instances(() => next, async () => {
          const state = await edge(at(10, after), { wasm: good });
          for (const step of course) {
            if (step === "b") next = bad; // the next restore traps
            if (step === "e") state.now = start + life; // the head has expired: the next restore is refused
            state.verifier.verify(new Request("https://h/"), () => ({})); // traps
            await state.refresh({});
            [next, state.now] = [fragile, start + 10];
          }
          for (let refresh = 0; refresh < 2; refresh++) {
            ok((await state.refresh(at(9, before))) !== "taken", `${course}: epoch 9 was taken`);
            ok(state.leaving() !== "valid", `${course}: a revoked key is valid`);
          }
          // An instance that was made to stop at its first tree may be left.
          const again = (await state.refresh(at(10, after))) === "trap" ? await state.refresh() : "taken";
          equal([state.verifier.floor, again, state.leaving()], [{ rootVersion: 1, epoch: 10 }, "taken", "revoked"]);
        });
      }
    },

    async "a mirror without a key makes an edge fetch and keep nothing large"() {
      const junk = new Uint8Array(8 << 20).fill(7);
      const unsigned = at(101, before, { rootVersion: 2, by: [] }).head;
      await instances(undefined, async (memories) => {
        const state = await edge(at(100, after));
        const size = () => memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
        const [held, count] = [size(), memories.length];
        const served = memories[count - 1].buffer.byteLength;
        for (let refresh = 0; refresh < 5; refresh++) {
          equal(await state.refresh({ head: unsigned, bundle: junk, roots: { 2: junk.subarray(0, 1000) } }), "bad_magic");
          equal(state.fetched, ["head", "root 2"]);
          equal(await state.refresh({ head: unsigned, bundle: junk, roots: { 2: root({ by: [9] }) } }), "too_few_signatures");
          equal(await state.refresh({ head: unsigned, bundle: junk, roots: { 2: root({}) } }), "too_few_signatures");
          equal(state.fetched, ["head", "root 2"]);
          equal(await state.refresh({ head: at(101, before, { by: [9] }).head, bundle: junk }), "too_few_signatures");
          // A head that is good, and a bundle that is none or far too long.
          equal(await state.refresh({ head: at(101, before).head, bundle: junk }), "too_large");
          equal(await state.refresh({ head: at(101, before).head, bundle: Buffer.concat([at(101, before).bundle, junk]) }), "too_large");
        }
        equal([size(), memories.length, state.leaving()], [held, count, "revoked"]);
        const altered = Buffer.from(at(101, before).bundle);
        altered[altered.length - 1] ^= 1;
        equal(await state.refresh({ head: at(101, before).head, bundle: altered }), "wrong_digest");
        equal(memories[count - 1].buffer.byteLength, served, "what serves has not grown");
      });
    },

    async "a source of bundles alone is not believed before its head either"() {
      const junk = new Uint8Array(8 << 20).fill(7);
      await instances(undefined, async (memories) => {
        let bundle = at(100, after).bundle;
        const errors = [];
        const verifier = await createVerifier({ root: fixture.roots[0], source: { bundle: async () => ({ bytes: bundle }) }, refresh: { mode: "manual" }, now: () => (start + 10) * 1000, onError: (error) => errors.push(error.code) });
        await verifier.refresh();
        const count = memories.length;
        for (bundle of [junk, at(90, before).bundle, at(101, before, { by: [9] }).bundle, Buffer.concat([at(101, before).bundle, junk])]) await verifier.refresh().catch(() => {});
        equal([errors, memories.length, verifier.epoch], [["too_large", "rollback", "too_few_signatures", "too_large"], count, 100]);
      });
    },

    async "a refused update takes no identity with it"() {
      const state = await edge(at(100, before));
      const verdict = state.verifier.verifyKey(keys.leaving);
      equal(await state.refresh(at(101, after)), "taken");
      const altered = Buffer.from(at(102, before).bundle);
      altered[altered.length - 1] ^= 1;
      for (let refresh = 0; refresh < 3; refresh++) ok((await state.refresh({ head: at(102, before).head, bundle: altered })) !== "taken", "refused");
      equal(await state.refresh(at(103, after)), "taken");
      equal([verdict.ok, verdict.name, verdict.epoch], [true, "Key “leaving”", 100]);
    },

    async "an update fits where there is some room beside the first one; one that does not fit changes nothing"() {
      const trees = [tree(200_000), tree(200_000, { 7: 1 })];
      const other = tree(200_000, Object.fromEntries(Array.from({ length: 1024 }, (_, shard) => [shard, 2])));
      const size = trees[0].bytes.length;
      let fitted = 0;
      for (const room of [1.05, 1.2, 1.5, 2, 2.5, 3, 4]) {
        const state = await edge(undefined, { wasm: await WebAssembly.compile(limited(wasm, Math.ceil((room * size) / 65536))) });
        // One that is begun early may turn out too large later: the next refresh says so.
        if ((await state.refresh(at(10, trees[0]))) !== "taken" || (await state.refresh()) !== "taken") continue;
        fitted++;
        let serves = 10;
        for (const [epoch, next] of [...Array.from({ length: 8 }, (_, n) => [11 + n, trees[n % 2]]), [19, other], [20, trees[0]]]) {
          const answer = await state.refresh(at(epoch, next));
          ok(answer === "taken" || (answer === "too_large" && (room < 1.5 || next === other)), `room for ${room} trees, epoch ${epoch}: ${answer}`);
          if (answer === "taken") serves = epoch;
          equal([room, state.verifier.ready, state.verifier.epoch, state.leaving()], [room, true, serves, "unknown"]);
        }
      }
      ok(fitted >= 3, `only ${fitted} limits were wide enough for anything`);
    },

    async "a trap while an update is taken is reported as one, and what serves goes on"() {
      const exported = ["begin", "feed", "complete", "commit", "floor", "epoch", "objects"];
      const { exports: traps } = new WebAssembly.Instance(await compiled(exported), imports(wasm));
      const Real = WebAssembly.Instance;
      for (const name of exported) {
        let armed = false;
        let made = 0;
        WebAssembly.Instance = function (module, given) {
          const { exports } = new Real(module, given);
          const first = made++ === 0;
          return { exports: { ...exports, [name]: (...values) => (armed && first ? traps : exports)[name](...values) } };
        };
        try {
          const state = await edge(at(10, before));
          state.verifier.verifyKey(keys.plain, { permission: "zone.view" }); // something to compile anew
          armed = true;
          equal([name, await state.refresh(at(11, after)), state.errors], [name, "trap", ["trap"]]);
          equal([name, state.verifier.ready, state.verifier.epoch, state.leaving(), made], [name, true, 10, "valid", 2]);
          equal([name, await state.refresh(), state.leaving()], [name, "taken", "revoked"]);
        } finally {
          WebAssembly.Instance = Real;
        }
      }
    },
  });
}

function imports(wasm) {
  const all = {};
  for (const { module, name } of WebAssembly.Module.imports(new WebAssembly.Module(wasm))) (all[module] ??= {})[name] = () => {};
  return all;
}
