// Edges that nobody asked for a while, processes that were frozen, clocks that are set: alike on every runtime.
import { equal, ok } from "./suite.mjs";

const HOURS = 3_600_000;

/** Sets the wall clock of this program, by which it sees that time has passed while its other clock stood still. */
async function shifted(ms, run) {
  const { now } = Date;
  Date.now = () => now() + ms;
  try {
    return await run();
  } finally {
    Date.now = now;
  }
}

/** @returns `[name, run][]` */
export function idleSuite({ createVerifier, protect, usageReporter, fixture, ingest }) {
  const { keys, start, life } = fixture;
  const bytes = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const leaving = () => new Request("https://api.example.com/", { headers: { authorization: `Bearer ${keys.leaving}` } });

  /** A verifier whose source the test changes. `manner` says how it answers. */
  async function edge(refresh) {
    const state = { shown: "first", refreshes: 0, errors: [], manner: (found) => found };
    const source = {
      head: async () => (state.refreshes++, state.manner({ bytes: bytes(fixture.snapshots[state.shown].head) })),
      bundle: async () => ({ bytes: bytes(fixture.snapshots[state.shown].bundle) }),
    };
    state.verifier = await createVerifier({ root: fixture.roots[0], source, refresh, now: () => (start + life / 2 + 10) * 1000, onError: (error) => state.errors.push(error.message) });
    state.handler = protect(() => new Response("ok"), { verifier: state.verifier });
    state.ask = async () => (await state.handler(leaving())).status;
    return state;
  }

  return Object.entries({
    async "idle: the first request after two hours is answered by what the source says by then"() {
      for (const mode of ["demand", "timer"]) {
        const state = await edge({ mode });
        equal([mode, await state.ask(), state.refreshes], [mode, 200, 1]);
        state.shown = "second"; // the key is revoked, and nobody asks
        await shifted(2 * HOURS, async () => {
          equal([mode, state.verifier.overdue, await state.ask(), state.verifier.epoch, state.refreshes, state.verifier.overdue], [mode, true, 401, 9, 2, false]);
          equal([mode, await state.ask(), state.refreshes], [mode, 401, 2]);
        });
        state.verifier.close();
      }
    },

    async "idle: a bare verdict does not wait, unless it is told to"() {
      for (const mode of ["demand", "timer"]) {
        const [hasty, patient] = [await edge({ mode }), await edge({ mode })];
        for (const { verifier } of [hasty, patient]) await verifier.load();
        hasty.shown = patient.shown = "second";
        await shifted(2 * HOURS, async () => {
          equal([mode, hasty.verifier.verifyKey(keys.leaving).code], [mode, "valid"]);
          await patient.verifier.load();
          equal([mode, patient.verifier.verifyKey(keys.leaving).code, hasty.refreshes], [mode, "revoked", 2]);
          await hasty.verifier.load();
          equal([mode, hasty.verifier.verifyKey(keys.leaving).code, hasty.refreshes], [mode, "revoked", 2]);
        });
        for (const { verifier } of [hasty, patient]) verifier.close();
      }
    },

    async "idle: a source that hangs or fails lets the request go on with what is there"() {
      for (const mode of ["demand", "timer"]) {
        for (const [manner, errors] of [[() => new Promise(() => {}), []], [() => Promise.reject(new Error("down")), ["source: down"]]]) {
          const state = await edge({ mode, maxWait: 20 });
          equal(await state.ask(), 200);
          Object.assign(state, { shown: "second", manner });
          await shifted(2 * HOURS, async () => {
            equal([mode, await state.ask(), await state.ask(), state.refreshes, state.errors], [mode, 200, 200, 2, errors]);
          });
          state.verifier.close();
        }
      }
    },

    async "idle: a clock that is set back stops neither refreshes nor reports"() {
      const usage = usageReporter({ url: `${ingest}/ok.set-back-${Math.random().toString(36).slice(2)}`, realm: "acme", key: "k", maxAge: 30 });
      const state = await edge({ mode: "demand", interval: 1 });
      await state.verifier.load();
      usage.record({ at: start, method: "GET", endpoint: "/", status: 200, code: "valid" });
      await shifted(-24 * HOURS, async () => {
        const until = async (holds, what) => {
          for (let i = 0; i < 500 && !holds(); i++) await new Promise((turn) => setTimeout(turn, 10));
          ok(holds(), what);
        };
        await until(() => (state.verifier.verifyKey(keys.plain), state.refreshes >= 4), "refreshes go on");
        await until(() => usage.stats.delivered === 1, "reports go on");
      });
    },
  });
}
