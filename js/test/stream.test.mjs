import assert from "node:assert/strict";
import test from "node:test";
import { fakeClock, settle } from "../../tests/runtimes/clock.mjs";
import { SourceError, UpdateError } from "../dist/errors.js";
import { Refresher } from "../dist/refresh/refresher.js";
import { fullJitter } from "../dist/util/backoff.js";

const head = (number) => ({ bytes: Uint8Array.of(number) });
const SECOND = 1000;

/** A refresher with a source that can be watched: each attempt is noted, and ends as the test says. */
function watching({ options = {}, update = async () => false, serving = { ready: true, epoch: 7 } } = {}) {
  const clock = fakeClock();
  const state = { clock, serving, attempts: [], refreshes: [], errors: [], update };
  const source = { watch: (request) => new Promise((resolve, reject) => state.attempts.push({ ...request, resolve, reject })) };
  const refresh = (signal, pushed) => (state.refreshes.push(pushed?.bytes[0] ?? "asked"), state.update(signal, pushed));
  const given = { interval: SECOND, deadline: 500, maxBackoff: 600 * SECOND, ...options };
  state.made = new Refresher(refresh, serving, given, (error) => state.errors.push(error.code ?? error.message), source, clock);
  /** Signs of life until so much time has passed. */
  state.alive = async (ms) => {
    for (let left = ms; left > 0; left -= 10 * SECOND) {
      state.attempts.at(-1).onIdle();
      await clock.pass(Math.min(left, 10 * SECOND));
    }
  };
  return state;
}

/** The same, after its first refresh and with a stream that has shown that it is there. */
async function streaming(given) {
  const state = watching(given);
  await state.made.refresh();
  state.attempts[0].onIdle();
  state.refreshes.length = 0;
  return state;
}

test("it polls until there is a stream, then once a minute, and as before when the stream has ended", async () => {
  const { made, clock, attempts, refreshes, alive, errors } = watching();
  await made.refresh();
  assert.deepEqual([attempts.length, attempts[0].epoch, clock.pending()], [1, 7, [SECOND, 37.5 * SECOND]]);
  await clock.pass(3 * SECOND);
  assert.equal(refreshes.length, 4);
  attempts[0].onIdle();
  assert.deepEqual(clock.pending(), [37.5 * SECOND, 60 * SECOND]);
  await alive(59 * SECOND);
  assert.equal(refreshes.length, 4);
  await alive(SECOND);
  assert.equal(refreshes.length, 5);
  attempts[0].resolve();
  await settle();
  // At some moment within an interval, and within the time over which edges spread their return.
  assert.deepEqual([clock.pending(), errors], [[0.5 * SECOND, 5 * SECOND], []]);
  await clock.pass(2.5 * SECOND);
  assert.equal(refreshes.length, 8);
  await clock.pass(2.5 * SECOND);
  assert.equal(attempts.length, 2);
});

test("a head that is pushed is taken the way of one that was asked for, at once", async () => {
  const { attempts, refreshes, clock, made } = await streaming();
  attempts[0].onHead(head(8));
  await settle();
  assert.deepEqual(refreshes, [8]);
  assert.deepEqual(clock.pending(), [37.5 * SECOND, 60 * SECOND]);
  await made.refresh();
  assert.deepEqual(refreshes, [8, "asked"]);
});

test("what is pushed while another head is taken over follows it in its order, since each patch leads on from the one before", async () => {
  const state = await streaming();
  const finish = [];
  state.update = () => new Promise((resolve) => finish.push(resolve));
  for (const number of [8, 9, 10]) state.attempts[0].onHead(head(number));
  for (const taken of [[8], [8, 9], [8, 9, 10]]) {
    assert.deepEqual(state.refreshes, taken);
    finish.pop()(true);
    await state.clock.pass(0);
  }
  await state.clock.pass(30 * SECOND);
  assert.equal(state.refreshes.length, 3);
});

test("of what is pushed while the source is asked, or of too many, the newest alone follows", async () => {
  const state = await streaming();
  const finish = [];
  state.update = () => new Promise((resolve) => finish.push(resolve));
  void state.made.refresh();
  for (const number of [8, 9]) state.attempts[0].onHead(head(number));
  finish.pop()(true);
  await state.clock.pass(0);
  assert.deepEqual(state.refreshes, ["asked", 9]);
  for (let number = 10; number < 19; number++) state.attempts[0].onHead(head(number));
  finish.pop()(true);
  await state.clock.pass(0);
  assert.deepEqual(state.refreshes, ["asked", 9, 18]);
});

test("a head that waited while a bundle went past it is no failure, and one that did not wait is", async () => {
  const state = await streaming();
  const finish = [];
  state.update = () => new Promise((resolve, reject) => finish.push({ resolve, reject }));
  for (const number of [8, 9, 10]) state.attempts[0].onHead(head(number));
  finish.pop().resolve(true); // by a bundle that had the tenth already
  await state.clock.pass(0);
  finish.pop().reject(new UpdateError("rollback", "9 after 10"));
  await state.clock.pass(0);
  assert.deepEqual([state.refreshes, state.errors], [[8, 9, 10], []]);
  finish.pop().reject(new UpdateError("rollback", "10 after 11"));
  await state.clock.pass(0);
  assert.deepEqual(state.errors, []);
  state.attempts[0].onHead(head(7));
  await state.clock.pass(0);
  finish.pop().reject(new UpdateError("rollback", "7 after 11"));
  await state.clock.pass(0);
  assert.deepEqual(state.errors, ["rollback"]);
});

test("a head that is refused is told, and further ones wait for the pause behind it", async () => {
  const state = await streaming();
  state.update = async () => {
    throw new Error("refused");
  };
  for (let number = 8; number < 100; number++) {
    state.attempts[0].onHead(head(number));
    await settle();
  }
  assert.deepEqual([state.refreshes, state.errors], [[8], ["source"]]);
  state.update = async () => true;
  await state.clock.pass(750);
  assert.deepEqual(state.refreshes, [8, 99]);
});

test("a stream that comes back says that its source is back: no pause is waited for", async () => {
  const state = watching({ serving: { ready: false, epoch: 0 }, update: async () => { throw new Error("down"); } });
  await state.made.refresh().catch(() => {});
  assert.equal(state.attempts[0].epoch, undefined);
  state.update = async () => true;
  state.attempts[0].onHead(head(1));
  await settle();
  assert.deepEqual(state.refreshes, ["asked", 1]);
  const other = watching({ update: async () => { throw new Error("down"); } });
  await other.made.refresh().catch(() => {});
  other.attempts[0].onIdle();
  await other.clock.pass(0);
  assert.deepEqual(other.refreshes, ["asked", "asked"]);
});

test("silence ends a stream, is told, and the source is asked at once", async () => {
  const { attempts, clock, errors, refreshes } = await streaming();
  await clock.pass(20 * SECOND);
  attempts[0].onIdle();
  await clock.pass(37.5 * SECOND - 1);
  assert.deepEqual([attempts[0].signal.aborted, refreshes.length], [false, 0]);
  await clock.pass(1);
  assert.deepEqual([attempts[0].signal.aborted, errors, refreshes.length], [true, ["deadline"], 1]);
  attempts[0].onHead(head(9)); // a source that does not heed the signal
  await settle();
  assert.deepEqual(refreshes, ["asked"]);
  await clock.pass(5 * SECOND);
  assert.equal(attempts.length, 2);
  await clock.pass(37.5 * SECOND); // nor does it answer
  assert.equal(attempts[1].signal.aborted, true);
});

test("an outage is told once, and attempts have growing pauses until there is a stream", async () => {
  const { made, attempts, clock, errors } = watching({ options: { interval: 3600 * SECOND, maxBackoff: 60 * SECOND } });
  await made.refresh();
  for (const pause of [5, 10, 20, 30, 30]) {
    attempts.at(-1).reject(new SourceError("unreachable", "down"));
    await settle();
    assert.equal(clock.pending()[0], pause * SECOND);
    await clock.pass(pause * SECOND);
  }
  assert.deepEqual(errors, ["unreachable"]);
  attempts.at(-1).onIdle();
  attempts.at(-1).reject(new SourceError("unreachable", "again"));
  await settle();
  assert.deepEqual([errors, clock.pending()[0]], [["unreachable", "unreachable"], 5 * SECOND]);
  await clock.pass(5 * SECOND);
  attempts.at(-1).resolve(); // a stream that says nothing is none
  await clock.pass(10 * SECOND);
  assert.equal(errors.length, 2);
});

test("10,000 edges do not return within one second, and what a source asks for is heeded within bounds", async () => {
  const seconds = Array(10).fill(0);
  for (let edge = 0; edge < 10_000; edge++) seconds[Math.floor(fullJitter(1, 10_000, 300_000, edge / 10_000) / 1000)]++;
  assert.deepEqual(seconds, Array(10).fill(1000));
  for (const [retry, pause] of [[30_000, 15_000], [0, 500], [1e9, 150_000]]) {
    const { attempts, clock } = await streaming({ options: { interval: 3600 * SECOND } });
    attempts[0].onRetry(retry);
    attempts[0].resolve();
    await settle();
    assert.equal(clock.pending()[0], pause);
  }
});

test("a source without a stream is no error unless one was demanded, and is asked again after minutes", async () => {
  for (const [options, told] of [[{}, []], [{ stream: true }, ["no_stream"]]]) {
    const { made, attempts, clock, errors, refreshes } = watching({ options });
    await made.refresh();
    attempts[0].reject(new SourceError("no_stream", "none"));
    await clock.pass(449 * SECOND);
    assert.deepEqual([attempts.length, errors, refreshes.length], [1, told, 450]);
    await clock.pass(SECOND);
    assert.equal(attempts.length, 2);
  }
});

test("a sign of life is as good as a refresh; a process that was frozen has had none", async () => {
  const { made, clock, alive, refreshes } = await streaming({ options: { interval: 5 * SECOND } });
  await alive(50 * SECOND);
  assert.deepEqual([made.overdue, refreshes.length], [false, 0]);
  clock.freeze(27 * SECOND);
  assert.equal(made.overdue, false);
  clock.freeze(SECOND); // 38 s since the last one, though the next refresh is not due by its timer
  assert.equal(made.overdue, true);
  await made.due();
  assert.deepEqual([made.overdue, refreshes.length], [false, 1]);
});

test("no sign of life vouches for a head that was not taken over", async () => {
  for (const update of [() => new Promise(() => {}), async () => { throw new Error("refused"); }]) {
    const state = await streaming({ options: { maxAge: 20 * SECOND, deadline: 19 * SECOND } });
    state.update = update;
    state.attempts[0].onHead(head(8));
    await state.clock.pass(400);
    state.attempts[0].onIdle();
    state.clock.freeze(20 * SECOND - 399);
    assert.equal(state.made.overdue, true);
  }
});

test("a maxAge below the signs of life is kept by refreshes", async () => {
  const { attempts, clock, refreshes } = await streaming({ options: { maxAge: 2 * SECOND, interval: 30 * SECOND } });
  for (let second = 0; second < 10; second++) {
    attempts[0].onIdle();
    await clock.pass(SECOND);
  }
  assert.equal(refreshes.length, 5);
});

test("close ends the stream, and nothing is begun any more", async () => {
  for (const ended of [false, true]) {
    const { made, attempts, clock, refreshes, errors } = await streaming();
    if (ended) attempts[0].resolve();
    await settle();
    made.close();
    assert.deepEqual([attempts[0].signal.aborted, clock.pending()], [!ended, []]);
    attempts[0].reject(new Error("closed"));
    attempts[0].onHead(head(8));
    await clock.pass(1000 * SECOND);
    assert.deepEqual([attempts.length, refreshes, errors], [1, [], []]);
  }
});

test("only mode timer has a stream, if the source has one", async () => {
  for (const options of [{ mode: "demand" }, { mode: "manual" }, { stream: false }]) {
    const { made, attempts } = watching({ options });
    await made.refresh();
    assert.equal(attempts.length, 0);
  }
  for (const [options, source] of [[{ mode: "demand", stream: true }, { watch() {} }], [{ stream: 1 }, { watch() {} }], [{ stream: true }, {}]]) {
    assert.throws(() => new Refresher(async () => false, { ready: true, epoch: 1 }, options, () => {}, source), /^TypeError: refresh\.stream: /);
  }
});

test("a method of an object of one's own is called as one, and what it throws is told", async () => {
  const clock = fakeClock();
  const errors = [];
  const source = { watch() { throw new Error(`${this === source}`); } };
  const made = new Refresher(async () => false, { ready: true, epoch: 0 }, {}, (error) => errors.push(error.message), source, clock);
  await made.refresh();
  await settle();
  assert.deepEqual(errors, ["source: true"]);
});
