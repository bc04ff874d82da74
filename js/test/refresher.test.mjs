import assert from "node:assert/strict";
import test from "node:test";
import { fakeClock, settle } from "../../tests/runtimes/clock.mjs";
import { Refresher } from "../dist/refresher.js";

function refresher(update, options = {}) {
  const clock = fakeClock();
  const errors = [];
  const made = new Refresher(update, { interval: 1000, deadline: 500, maxBackoff: 8000, ...options }, (error) => errors.push(error), clock);
  return { made, clock, errors };
}

test("polls at the interval, one look at a time", async () => {
  let looks = 0;
  let finish;
  const { made, clock } = refresher(() => (looks++, new Promise((resolve) => (finish = resolve))));
  const first = made.refresh();
  assert.equal(made.refresh(), first);
  await settle();
  finish(true);
  assert.equal(await first, true);
  assert.deepEqual(clock.pending(), [1000]);
  await clock.pass(999);
  assert.equal(looks, 1);
  await clock.pass(1);
  assert.equal(looks, 2);
  made.close();
  finish(false);
  await settle();
  assert.deepEqual(clock.pending(), []);
});

test("jitter spreads polls by a tenth either way", async () => {
  for (const [chance, expected] of [[0, 900], [0.999, 1099.8]]) {
    const { made, clock } = refresher(async () => false);
    clock.random = () => chance;
    await made.refresh();
    assert.equal(Math.round(clock.pending()[0] * 10) / 10, expected);
  }
});

test("failures back off, are reported, and a success ends the pauses", async () => {
  let fail = true;
  const { made, clock, errors } = refresher(async () => {
    if (fail) throw new Error("down");
    return true;
  });
  await assert.rejects(made.refresh(), /down/);
  const pauses = [];
  for (let i = 0; i < 6; i++) {
    pauses.push(clock.pending()[0]);
    await clock.pass(clock.pending()[0]);
  }
  assert.deepEqual(pauses, [750, 1500, 3000, 6000, 6000, 6000]);
  assert.equal(errors.length, 7);
  fail = false;
  await clock.pass(clock.pending()[0]);
  assert.deepEqual(clock.pending(), [1000]);
});

test("a look that takes too long is given up, and its signal says so", async () => {
  let signal;
  const { made, clock, errors } = refresher((given) => ((signal = given), new Promise(() => {})));
  const look = made.refresh();
  const rejected = assert.rejects(look, { code: "deadline" });
  await clock.pass(500);
  await rejected;
  assert.equal(signal.aborted, true);
  assert.equal(errors[0].code, "deadline");
  assert.notEqual(made.refresh(), look);
});

test("on demand: nothing runs by itself, and a look is due once an interval has passed", async () => {
  let looks = 0;
  const kept = [];
  const { made, clock } = refresher(async () => (looks++, false), { mode: "demand" });
  const touch = () => made.touch((work) => kept.push(work));
  touch();
  touch();
  await settle();
  assert.equal(looks, 1);
  assert.equal(kept.length, 1);
  assert.deepEqual(clock.pending(), []);
  await clock.pass(999);
  touch();
  assert.equal(looks, 1);
  await clock.pass(1);
  touch();
  await settle();
  assert.equal(looks, 2);
  made.close();
  await clock.pass(5000);
  touch();
  assert.equal(looks, 2);
});

test("on demand: what waits while nothing is loaded joins the look under way, and is spared one that is not due", async () => {
  let looks = 0;
  const { made, clock, errors } = refresher(async () => {
    looks++;
    throw new Error("down");
  }, { mode: "demand" });
  await Promise.all([made.due(), made.due()]);
  assert.equal(looks, 1);
  await made.due();
  assert.equal(looks, 1);
  await clock.pass(750);
  await made.due();
  assert.equal(looks, 2);
  assert.equal(errors.length, 2);
});

test("on demand: a look that was dropped with its request does not hold up the next one", async () => {
  let looks = 0;
  const { made, clock } = refresher(() => (looks++, new Promise(() => {})), { mode: "demand" });
  clock.setTimeout = () => undefined; // the platform dropped the timers with the request
  made.touch();
  await clock.pass(1400);
  made.touch();
  assert.equal(looks, 1);
  await clock.pass(101);
  made.touch();
  assert.equal(looks, 2);
});

test("on demand: whoever joined a look that was dropped goes on in the end", async () => {
  const { made, clock } = refresher(() => new Promise(() => {}), { mode: "demand" });
  let timers = 0;
  const { setTimeout } = clock;
  clock.setTimeout = (run, ms) => (timers++ === 0 ? undefined : setTimeout(run, ms)); // the first belonged to the request that is gone
  made.touch();
  let waited = false;
  const joined = made.due().then(() => (waited = true));
  await clock.pass(1499);
  assert.equal(waited, false);
  await clock.pass(1);
  await joined;
});

test("a core that stopped is looked after at once, one that keeps stopping with pauses", async () => {
  const { made, clock } = refresher(async () => true);
  await made.refresh();
  const pauses = [];
  for (let i = 0; i < 4; i++) {
    made.soon();
    pauses.push(clock.pending()[0]);
    await clock.pass(clock.pending()[0]);
  }
  assert.deepEqual(pauses, [0, 750, 1500, 3000]);
  assert.deepEqual(clock.pending(), [1000]);
  await clock.pass(20_000);
  made.soon();
  assert.equal(clock.pending()[0], 0);
});

test("a core that stops during a look is looked after right behind it", async () => {
  let finish;
  const { made, clock } = refresher(() => new Promise((_, reject) => (finish = reject)));
  const look = made.refresh();
  await settle();
  made.soon();
  finish(new Error("trap"));
  await assert.rejects(look);
  assert.equal(clock.pending()[0], 0);
});

test("wrong options are refused", () => {
  for (const wrong of [{ interval: 0 }, { interval: "1" }, { deadline: Number.NaN }, { maxBackoff: 2 ** 40 }, { mode: "x" }]) {
    assert.throws(() => refresher(async () => false, wrong), TypeError);
  }
});
