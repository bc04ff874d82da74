// An engine with the real core, its clock, and what a mirror shows it: for the tests beside this file.
import { readFileSync } from "node:fs";
import { publish, treeOf } from "../../tests/runtimes/publisher.mjs";
import { fakeClock } from "../../tests/runtimes/clock.mjs";
import { Keeper } from "../dist/cache/keeper.js";
import { Engine } from "../dist/engine/engine.js";
import { updater } from "../dist/engine/update.js";

const read = (path) => readFileSync(new URL(path, import.meta.url));
export const module = await WebAssembly.compile(read("../wasm/edgelatch.wasm"));
export const fixture = JSON.parse(read("../../tests/runtimes/fixture.json"));
export const { start, life } = fixture;
export const bytes = (base64) => new Uint8Array(Buffer.from(base64, "base64"));
/** `leaving` is revoked in the second. */
export const [before, after] = ["first", "second"].map((name) => treeOf(bytes(fixture.snapshots[name].bundle)));
export const at = (epoch, tree, more = {}) => publish({ epoch, tree, issuedAt: start, life, ...more });
export const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
export const { signal } = new AbortController();
export const [VALID, REVOKED] = [0, 5];

/**
 * An edge that serves what it was shown first. What is shown has `head` and `bundle`, and may have `roots` by their versions,
 * `patches` by "from to" and `objects` by digest; a function is called, so that it may reject. `stream` cuts the bundle into pieces.
 * With a `cache`, what serves is kept there, and begun with.
 */
export async function edge(first, { config = "", deployed = bytes(fixture.roots[0]), stream, cache } = {}) {
  const state = { now: start + 10, reported: [], asked: [], limits: [], transferred: 0, shown: undefined, held: undefined };
  state.pace = { now: () => state.now, pause: turn };
  state.engine = new Engine(module, deployed, config, (error) => state.reported.push(error.code));
  const sent = (what, found, limit) => {
    state.asked.push(what);
    state.limits.push(limit);
    const value = typeof found === "function" ? found() : found;
    state.transferred += value?.length ?? 0;
    return value;
  };
  const source = {
    head: async () => ({ bytes: state.shown.head, etag: state.shown.tag }),
    bundle: async ({ etag, maxBytes }) => {
      const bundle = sent("bundle", state.shown.bundle, maxBytes);
      await state.held;
      if (bundle === undefined || (etag !== undefined && etag === state.shown.tag)) return undefined;
      return stream ? { stream: stream(bundle) } : { bytes: bundle, etag: state.shown.tag };
    },
    root: async (n) => state.shown.roots?.[n],
    patch: async (from, to, { maxBytes }) => sent("patch", state.shown.patches?.[`${from} ${to}`], maxBytes),
    object: async (digest, { maxBytes }) => sent("object", state.shown.objects?.get(digest), maxBytes),
  };
  state.update = updater(state.engine, source, state.pace, (error) => state.reported.push(error.code));
  state.clock = fakeClock();
  state.keeper = cache && new Keeper(cache, state.engine, state.pace, (error) => state.reported.push(error.cause?.code ?? error.code), state.clock);
  if (cache) state.update = state.keeper.around(state.update);
  /** Lets time pass until nothing is being written. */
  state.kept = async () => {
    let done = false;
    for (state.keeper.settled().then(() => (done = true)); !done; ) await state.clock.pass(250);
  };
  state.refresh = (shown, until = signal, pushed = undefined) => {
    state.shown = shown ?? state.shown;
    [state.asked, state.limits, state.transferred] = [[], [], 0];
    return state.update(until, pushed).then(() => "taken", (error) => error.code ?? `${error.name}: ${error.message}`);
  };
  state.leaving = () => state.engine.verifyKey(fixture.keys.leaving, undefined, 1, state.now) & 63;
  state.memory = () => state.engine.instance.exports.memory.buffer.byteLength;
  state.stop = () => state.engine.instance.stop(new Error("trap"));
  if (first) {
    const answer = await state.refresh(first);
    if (answer !== "taken") throw new Error(answer);
    await state.engine.fill(state.pace);
  }
  return state;
}
