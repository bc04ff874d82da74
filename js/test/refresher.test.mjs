import assert from "node:assert/strict";
import test from "node:test";
import { fakeClock, settle } from "../../tests/runtimes/clock.mjs";
import { steady } from "../dist/util/clock.js";
import { Refresher } from "../dist/refresh/refresher.js";

/** `serving` is what the refreshes are for. Each touch reads another tick of a clock, so that none is passed over. */
function refresher(update, options = {}, serving = { ready: true, epoch: 1 }, source = {}) {
  const clock = fakeClock();
  const errors = [];
  const made = new Refresher(update, serving, { interval: 1000, deadline: 500, maxBackoff: 8000, ...options }, (error) => errors.push(error), source, clock);
  return { made, clock, errors, serving, touch: (waitUntil) => made.touch(Number.NaN, waitUntil) };
}
const NOTHING_LOADED = { ready: false, epoch: 0 };
/** A promise, and whether it is settled by now. */
function watched(promise) {
  const seen = { settled: false, promise };
  promise.then(() => (seen.settled = true));
  return seen;
}

test("polls at the interval, one refresh at a time", async () => {
  let refreshes = 0;
  let finish;
  const { made, clock } = refresher(() => (refreshes++, new Promise((resolve) => (finish = resolve))));
  const first = made.refresh();
  assert.equal(made.refresh(), first);
  await settle();
  finish(true);
  assert.equal(await first, true);
  assert.deepEqual(clock.pending(), [1000]);
  await clock.pass(999);
  assert.equal(refreshes, 1);
  await clock.pass(1);
  assert.equal(refreshes, 2);
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

test("however rarely the source is asked, the first pause behind a failure is short", async () => {
  const { made, clock } = refresher(async () => { throw new Error("down"); }, { interval: 3_600_000, maxBackoff: 300_000 }, { ready: true, epoch: 1 });
  await assert.rejects(made.refresh());
  const pauses = [];
  for (let failure = 0; failure < 4; failure++) {
    pauses.push(clock.pending()[0]);
    await clock.pass(clock.pending()[0]);
  }
  assert.deepEqual(pauses, [750, 1500, 3000, 6000]);
});

test("a refresh that takes too long is given up, and its signal says so", async () => {
  let signal;
  const { made, clock, errors } = refresher((given) => ((signal = given), new Promise(() => {})));
  const refresh = made.refresh();
  const rejected = assert.rejects(refresh, { code: "deadline" });
  await clock.pass(500);
  await rejected;
  assert.equal(signal.aborted, true);
  assert.equal(errors[0].code, "deadline");
  assert.notEqual(made.refresh(), refresh);
});

test("on demand: nothing runs by itself, and a refresh is due once an interval has passed", async () => {
  let refreshes = 0;
  const kept = [];
  const { made, clock, touch: touched } = refresher(async () => (refreshes++, false), { mode: "demand" });
  const touch = () => touched((work) => kept.push(work));
  touch();
  touch();
  await settle();
  assert.equal(refreshes, 1);
  assert.equal(kept.length, 1);
  assert.deepEqual(clock.pending(), []);
  await clock.pass(999);
  touch();
  assert.equal(refreshes, 1);
  await clock.pass(1);
  touch();
  await settle();
  assert.equal(refreshes, 2);
  made.close();
  await clock.pass(5000);
  touch();
  assert.equal(refreshes, 2);
});

test("on demand: a wall clock that is set back does not stop the refreshes", async () => {
  let refreshes = 0;
  let set = 0;
  const clock = fakeClock();
  const { now } = clock;
  clock.now = steady(now, () => now() + set);
  const made = new Refresher(async () => (refreshes++, false), { ready: true, epoch: 1 }, { interval: 1000, mode: "demand" }, () => {}, {}, clock);
  await made.refresh();
  set = -86_400_000;
  for (let i = 0; i < 5; i++) {
    await clock.pass(1000);
    made.touch(Number.NaN);
  }
  assert.equal(refreshes, 6);
});

test("on demand: what waits while nothing is loaded joins the refresh under way, and is spared one that is not due", async () => {
  let refreshes = 0;
  const { made, clock, errors } = refresher(async () => {
    refreshes++;
    throw new Error("down");
  }, { mode: "demand" }, NOTHING_LOADED);
  await Promise.all([made.due(), made.due()]);
  assert.equal(refreshes, 1);
  await made.due();
  assert.equal(refreshes, 1);
  await clock.pass(750);
  await made.due();
  assert.equal(refreshes, 2);
  assert.equal(errors.length, 2);
});

test("on demand: a refresh that was dropped with its request does not hold up the next one", async () => {
  let refreshes = 0;
  const { touch, clock } = refresher(() => (refreshes++, new Promise(() => {})), { mode: "demand" });
  clock.setTimeout = () => undefined; // the platform dropped the timers with the request
  touch();
  await clock.pass(1400);
  touch();
  assert.equal(refreshes, 1);
  await clock.pass(101);
  touch();
  assert.equal(refreshes, 2);
});

test("on demand: whoever joined a refresh that was dropped goes on in the end", async () => {
  const { made, clock, touch } = refresher(() => new Promise(() => {}), { mode: "demand" }, NOTHING_LOADED);
  let timers = 0;
  const { setTimeout } = clock;
  clock.setTimeout = (run, ms) => (timers++ === 0 ? undefined : setTimeout(run, ms)); // the first belonged to the request that is gone
  touch();
  const joined = watched(made.due());
  await clock.pass(1499);
  assert.equal(joined.settled, false);
  await clock.pass(1);
  await joined.promise;
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

test("a core that stops during a refresh is looked after right behind it", async () => {
  let finish;
  const { made, clock } = refresher(() => new Promise((_, reject) => (finish = reject)));
  const refresh = made.refresh();
  await settle();
  made.soon();
  finish(new Error("trap"));
  await assert.rejects(refresh);
  assert.equal(clock.pending()[0], 0);
});

for (const mode of ["demand", "timer"]) {
  test(`${mode}: whoever comes after a long time waits for the refresh that is due`, async () => {
    let refreshes = 0;
    let finish;
    const { made, clock } = refresher(() => (refreshes++, new Promise((resolve) => (finish = resolve))), { mode, deadline: 60_000 });
    const first = made.refresh();
    finish(true);
    await first;
    clock.freeze(3000);
    assert.deepEqual([made.overdue, refreshes], [false, 1]); // three intervals: late, but not missing
    clock.freeze(1);
    assert.equal(made.overdue, true);
    const waiting = [watched(made.due()), watched(made.due())];
    await clock.pass(1999);
    assert.deepEqual([refreshes, waiting.map(({ settled }) => settled)], [2, [false, false]]);
    finish(true);
    await Promise.all(waiting.map(({ promise }) => promise));
    assert.deepEqual([made.overdue, clock.pending()], [false, mode === "timer" ? [1000] : []]);
    made.close();
  });

  test(`${mode}: a source that hangs delays nobody beyond maxWait from the beginning of a refresh`, async () => {
    let refreshes = 0;
    let hang = false;
    const { made, clock, errors, touch } = refresher(() => (refreshes++, hang ? new Promise(() => {}) : Promise.resolve(false)), { mode, deadline: 10_000, maxWait: 300 });
    await made.refresh();
    hang = true;
    clock.freeze(5000);
    const waiting = watched(made.due());
    await clock.pass(200);
    const second = watched(made.due());
    await clock.pass(99);
    assert.deepEqual([waiting.settled, second.settled], [false, false]);
    await clock.pass(1);
    assert.deepEqual([waiting.settled, second.settled, made.overdue], [true, true, false]);
    await made.due(); // at once: its time of this refresh is over
    touch();
    assert.deepEqual([refreshes, errors.length], [2, 0]);
    await clock.pass(9700);
    assert.deepEqual([errors.map(({ code }) => code), made.overdue], [["deadline"], false]); // left alone for a while
    await made.due();
    assert.equal(refreshes, 2);
    await clock.pass(750);
    assert.equal(made.overdue, true);
    made.close();
    assert.equal(made.overdue, false);
  });

  test(`${mode}: a refresh that is due and fails is told, and holds nobody up; none is due while its source is left alone`, async () => {
    let refreshes = 0;
    let down = false;
    const { made, clock, errors } = refresher(async () => {
      refreshes++;
      if (down) throw new Error("down");
      return false;
    }, { mode });
    await made.refresh();
    down = true;
    clock.freeze(5000);
    await made.due();
    assert.deepEqual([refreshes, errors.length, made.overdue], [2, 1, false]);
    for (let i = 0; i < 3; i++) await made.due();
    assert.equal(refreshes, 2);
    down = false;
    clock.freeze(750);
    await made.due();
    assert.deepEqual([refreshes, made.overdue], [3, false]);
  });

  test(`${mode}: a refresh that began before a machine slept brings old news`, async () => {
    let finish;
    let refreshes = 0;
    const { made, clock } = refresher(() => (refreshes++, new Promise((resolve) => (finish = resolve))), { mode });
    const refresh = made.refresh();
    clock.freeze(7_200_000);
    finish(true);
    assert.equal(await refresh, true);
    assert.equal(made.overdue, true);
    const waiting = watched(made.due());
    await settle();
    assert.deepEqual([refreshes, waiting.settled], [2, false]);
    finish(false);
    await waiting.promise;
    assert.equal(made.overdue, false);
  });
}

test("where timers run, the first verdict after the process was frozen starts the refresh that its timer should have", async () => {
  let refreshes = 0;
  const { made, clock, touch } = refresher(async () => (refreshes++, false));
  await made.refresh();
  touch();
  clock.freeze(999);
  touch();
  assert.equal(refreshes, 1);
  clock.freeze(1);
  touch();
  touch();
  assert.equal(refreshes, 2);
  await settle();
  assert.deepEqual(clock.pending(), [1000]);
});

test("a second verdict within one tick of the clock reads no other one, unless something happened", async () => {
  let refreshes = 0;
  const { made, clock } = refresher(async () => (refreshes++, false), { mode: "demand" });
  const { now } = clock;
  let readings = 0;
  clock.now = () => (readings++, now());
  made.touch(7);
  await settle();
  made.touch(7);
  const before = readings;
  for (let i = 0; i < 5; i++) made.touch(7);
  assert.deepEqual([refreshes, readings - before], [1, 0]);
  made.soon();
  made.touch(7);
  assert.equal(refreshes, 2);
});

test("manual: nothing is waited for", async () => {
  const { made, clock, touch } = refresher(() => assert.fail("looked"), { mode: "manual" }, NOTHING_LOADED);
  clock.freeze(1e9);
  touch();
  await made.due();
  assert.equal(made.overdue, false);
});

test("a refresh is due at maxAge at the latest", async () => {
  const { made, clock } = refresher(async () => false, { mode: "demand", maxAge: 400 });
  await made.refresh();
  await clock.pass(400);
  assert.equal(made.overdue, false);
  await clock.pass(1);
  assert.equal(made.overdue, true);
});

test("while nothing is loaded, pauses stay below five seconds; a core that cannot answer is waited for", async () => {
  const { made, clock, serving } = refresher(async () => {
    throw new Error("down");
  }, { interval: 60_000, maxBackoff: 300_000 }, { ready: false, epoch: 0 });
  await assert.rejects(made.refresh());
  for (const pause of [750, 1500, 3000, ...Array(20).fill(3750)]) {
    assert.deepEqual(clock.pending(), [pause]);
    assert.equal(made.overdue, false);
    await clock.pass(pause);
  }
  Object.assign(serving, { epoch: 1, ready: true });
  await clock.pass(3750);
  assert.deepEqual(clock.pending(), [225_000]);
});

test("a core that stopped is waited for, though what it served was fresh", async () => {
  const serving = { ready: true, epoch: 1 };
  const { made } = refresher(async () => ((serving.ready = true), false), {}, serving);
  await made.refresh();
  assert.equal(made.overdue, false);
  serving.ready = false;
  made.soon();
  assert.equal(made.overdue, true);
  await made.due();
  assert.equal(serving.ready, true);
});

test("one request carries a refresh, the first that can", async () => {
  let finish;
  const { made, clock, errors, touch } = refresher(() => new Promise((resolve) => (finish = resolve)), { mode: "demand", maxWait: 100 });
  const kept = [];
  touch();
  touch((work) => kept.push(watched(work)));
  touch(() => assert.fail("carried twice"));
  void made.due(() => assert.fail("carried twice"));
  assert.equal(kept.length, 1);
  finish(false);
  await kept[0].promise;
  clock.freeze(5000);
  void made.due((work) => kept.push(watched(work)));
  assert.equal(kept.length, 2);
  finish(false);
  await settle();
  clock.freeze(5000);
  touch(() => {
    throw new TypeError("Illegal invocation");
  });
  assert.deepEqual(errors.map(({ code, message }) => [code, message]), [["host_function", "host_function: waitUntil threw: Illegal invocation"]]);
});

test("time passes by the larger measure of two clocks, and never goes back", () => {
  // [what the monotonic clock does, what the wall clock does, what has passed]
  const steps = [
    [1000, 1000, 1000], [1000, -3_600_000, 1000], [1000, 1000, 1000], [10, 7_200_000, 7_200_000], [1000, 1001, 1000], [1000, 999, 1000], [0, 0, 0], [0, 3_600_000, 3_600_000], [5, Number.NaN, 5],
  ];
  let [monotonic, wall] = [50, 1_700_000_000_000];
  const now = steady(() => monotonic, () => wall);
  for (const [step, wallStep, expected] of steps) {
    const before = now();
    monotonic += step;
    wall += wallStep;
    assert.equal(Math.round(now() - before), expected, `${step}, ${wallStep}`);
  }
});

test("ticks of different lengths do not add up, small sleeps do", () => {
  let time = 0;
  let slept = 0;
  const now = steady(() => time, () => Math.floor((time + slept) / 16) * 16);
  const begin = now();
  for (let i = 0; i < 100_000; i++) {
    time += 0.3;
    now();
  }
  assert.equal(Math.round(now() - begin), 30_000);
  for (let i = 0; i < 1000; i++) {
    slept += 100;
    time += 0.3;
    now();
  }
  assert.ok(Math.abs(now() - begin - 130_300) <= 300, `${now() - begin}`);
});

test("wrong options are refused", () => {
  for (const wrong of [{ interval: 0 }, { interval: "1" }, { deadline: Number.NaN }, { maxBackoff: 2 ** 40 }, { maxAge: 0 }, { maxAge: Number.POSITIVE_INFINITY }, { maxWait: -1 }, { maxWait: "1" }, { mode: "x" }]) {
    assert.throws(() => refresher(async () => false, wrong), TypeError);
  }
});
