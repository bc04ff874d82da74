import assert from "node:assert/strict";
import test from "node:test";
import { fakeClock, settle } from "../../tests/runtimes/clock.mjs";
import { steady } from "../dist/util/clock.js";
import { Outbox } from "../dist/usage/outbox.js";

const TAKEN = {};
const failed = (again = 0) => ({ error: new Error("later"), again });
const refused = { error: new Error("no") };

/** An outbox whose sends the test sees and answers; `answers` are used up one by one, then everything is taken. */
function outbox({ answers = [], ...bounds } = {}) {
  const clock = fakeClock();
  const sent = [];
  const errors = [];
  const send = async (batch) => {
    sent.push(batch);
    const answer = answers.shift() ?? TAKEN;
    return typeof answer === "function" ? answer() : answer;
  };
  const given = { maxBatch: 3, maxAge: 1000, maxQueue: 8, maxBackoff: 8000, deadline: 500, ...bounds };
  const made = new Outbox(send, given, (error) => errors.push(error.code ?? error.message), clock);
  return { made, clock, sent, errors, add: (n, waitUntil) => { for (let i = 0; i < n; i++) made.add(String(i), waitUntil); } };
}
const events = (batch) => JSON.parse(batch.body).events;

test("a batch goes when its first event is old enough, not before", async () => {
  const { made, clock, sent, add } = outbox();
  add(1);
  await clock.pass(999);
  add(1);
  assert.deepEqual([sent.length, made.stats], [0, { delivered: 0, dropped: 0, waiting: 2 }]);
  await clock.pass(1);
  assert.deepEqual([events(sent[0]), sent[0].count], [[0, 0], 2]);
  assert.deepEqual([JSON.parse(sent[0].body).batch, made.stats], [sent[0].id, { delivered: 2, dropped: 0, waiting: 0 }]);
  assert.deepEqual(clock.pending(), []);
  add(1);
  assert.deepEqual(clock.pending(), [1000]);
});

test("a wall clock that is set back holds nothing up", async () => {
  const { made, clock, sent } = outbox({ answers: [failed()] });
  const { now } = clock;
  let set = 0;
  clock.now = steady(now, () => now() + set);
  made.add("1");
  set = -86_400_000;
  await clock.pass(1000);
  set = -2 * 86_400_000;
  await clock.pass(1000);
  assert.deepEqual([sent.length, made.stats], [2, { delivered: 1, dropped: 0, waiting: 0 }]);
});

test("a clock that moves on between two readings holds nothing up", async () => {
  const { made, clock, sent } = outbox();
  const { now } = clock;
  let readings = 0;
  clock.now = () => now() + ++readings / 1000;
  made.add("1");
  await clock.pass(1010);
  assert.equal(sent.length, 1);
});

test("a full batch goes at once, but never within the call that filled it", async () => {
  const { clock, sent, add } = outbox();
  add(7);
  assert.equal(sent.length, 0);
  await clock.pass(0);
  assert.deepEqual(sent.map(events), [[0, 1, 2], [3, 4, 5]]);
  await clock.pass(999);
  assert.equal(sent.length, 2);
  await clock.pass(1);
  assert.deepEqual(events(sent[2]), [6]);
  assert.equal(new Set(sent.map((batch) => batch.id)).size, 3);
});

test("a body stays bounded in characters too, and an event that is too long alone still goes", async () => {
  const { made, clock, sent } = outbox({ maxBatch: 100, maxQueue: 100 });
  const long = JSON.stringify("x".repeat(200_000));
  for (let i = 0; i < 5; i++) made.add(long);
  made.add(JSON.stringify("x".repeat(600_000)));
  await clock.pass(1000);
  assert.deepEqual(sent.map((batch) => batch.count), [2, 2, 1, 1]);
});

test("what failed is sent again after growing pauses, the same in every byte, and what came meanwhile waits behind it", async () => {
  const { made, clock, sent, errors, add } = outbox({ answers: Array.from({ length: 6 }, () => failed()) });
  add(2);
  await clock.pass(1000);
  add(1);
  const pauses = [];
  while (clock.pending().length > 0 && made.stats.delivered === 0) {
    pauses.push(clock.pending()[0]);
    await clock.pass(clock.pending()[0]);
  }
  assert.deepEqual(pauses, [750, 1500, 3000, 6000, 6000, 6000]);
  assert.deepEqual(new Set(sent.slice(0, 7).map((batch) => batch.body)).size, 1);
  assert.deepEqual([events(sent[6]), events(sent[7]), sent.length], [[0, 1], [0], 8]);
  assert.deepEqual([errors, made.stats], [Array(6).fill("later"), { delivered: 3, dropped: 0, waiting: 0 }]);
  made.add("9");
  await clock.pass(1000);
  assert.equal(sent.length, 9);
});

test("a pause that was asked for is kept, up to the longest", async () => {
  for (const [asked, expected] of [[5000, 5000], [10, 750], [1e9, 8000]]) {
    const { clock, sent, add } = outbox({ answers: [failed(asked)] });
    add(3);
    await clock.pass(0);
    await clock.pass(expected - 1);
    assert.equal(sent.length, 1);
    await clock.pass(1);
    assert.equal(sent.length, 2);
  }
});

test("what is refused for good is dropped, counted and told once; the next batch goes on", async () => {
  const { made, clock, sent, errors, add } = outbox({ answers: [refused] });
  add(4);
  await clock.pass(5000);
  assert.deepEqual([sent.map((batch) => batch.count), errors], [[3, 1], ["no"]]);
  assert.deepEqual(made.stats, { delivered: 1, dropped: 3, waiting: 0 });
});

test("no room: further events are dropped and counted, and told once until there was room again", async () => {
  const { made, clock, errors, add } = outbox({ answers: [failed()] });
  add(5);
  await clock.pass(0); // 3 of them are under way and count
  add(10);
  assert.deepEqual([made.stats, errors], [{ delivered: 0, dropped: 7, waiting: 8 }, ["later", "queue_full"]]);
  await clock.pass(5000);
  assert.deepEqual(made.stats, { delivered: 8, dropped: 7, waiting: 0 });
  add(10);
  assert.deepEqual(errors, ["later", "queue_full", "queue_full"]);
});

test("one send at a time", async () => {
  let answer;
  const { clock, sent, add } = outbox({ answers: [() => new Promise((resolve) => (answer = resolve))] });
  add(3);
  await clock.pass(0);
  add(3);
  await clock.pass(400);
  assert.equal(sent.length, 1);
  answer(TAKEN);
  await clock.pass(0);
  assert.equal(sent.length, 2);
});

test("with waitUntil: one request carries the waiting, and what it carried is taken over when it is lost", async () => {
  const { made, clock, sent, add } = outbox();
  const kept = [];
  const { setTimeout } = clock;
  const waitUntil = (work) => kept.push(work);
  clock.setTimeout = () => undefined; // the platform dropped the timers with the request
  add(2, waitUntil);
  assert.equal(kept.length, 1);
  await clock.pass(2001);
  clock.setTimeout = setTimeout;
  assert.equal(sent.length, 0);
  add(1, waitUntil);
  assert.equal(kept.length, 2);
  await clock.pass(0);
  await kept[1];
  assert.deepEqual([sent.map((batch) => batch.count), made.stats.delivered], [[3], 3]);
});

test("with waitUntil: a send that was lost is made again by a later request, with the same id, and counts once", async () => {
  let late;
  const { made, clock, sent, add } = outbox({ answers: [() => new Promise((resolve) => (late = resolve))] });
  const waitUntil = () => {};
  add(3, waitUntil);
  await clock.pass(0);
  await clock.pass(1400);
  add(1, waitUntil);
  assert.equal(sent.length, 1);
  await clock.pass(200);
  add(1, waitUntil);
  await clock.pass(0);
  assert.deepEqual([sent.length, sent[0].body], [2, sent[1].body]);
  late(TAKEN);
  await settle();
  assert.deepEqual(made.stats, { delivered: 3, dropped: 0, waiting: 2 });
  await clock.pass(1000);
  assert.deepEqual(made.stats, { delivered: 5, dropped: 0, waiting: 0 });
});

test("with waitUntil: a request is not held for longer than platforms allow; the next one goes on", async () => {
  const { clock, sent, add } = outbox({ answers: Array(20).fill(failed()) });
  const kept = [];
  add(3, (work) => kept.push(work));
  await clock.pass(60_000);
  await kept[0];
  const before = sent.length;
  assert.ok(before < 9, `${before} attempts`);
  add(1, (work) => kept.push(work));
  await clock.pass(0);
  assert.equal(sent.length, before + 1);
});

test("flush sends what waits, due or not, and tells whether all of it was answered", async () => {
  const { made, clock, sent, add } = outbox({ answers: [TAKEN, failed(), TAKEN] });
  assert.equal(await made.flush(), true);
  add(2);
  assert.equal(await made.flush(), true);
  add(2);
  assert.equal(await made.flush(), false);
  assert.equal(made.stats.waiting, 2);
  add(1);
  assert.deepEqual([await made.flush(), sent.map((batch) => batch.count)], [true, [2, 2, 2, 1]]);
  await clock.pass(20_000);
  assert.deepEqual([sent.length, clock.pending()], [4, []]);
});

test("flush does not wait for what comes while it runs", async () => {
  const { made, sent, add } = outbox({ answers: Array(5).fill(() => (add(1), TAKEN)) });
  add(1);
  assert.deepEqual([await made.flush(), sent.length], [true, 1]);
});

test("close sends the rest, waits out a pause, takes nothing more", async () => {
  const { made, clock, sent, add } = outbox({ answers: [failed()], deadline: 1000 });
  add(2);
  const closed = made.close();
  assert.equal(made.close(), closed);
  add(1);
  await clock.pass(750);
  await closed;
  assert.deepEqual([sent.length, made.stats], [2, { delivered: 2, dropped: 1, waiting: 0 }]);
});

test("close gives up in the end, and counts what is lost", async () => {
  const { made, clock, sent, add } = outbox({ answers: Array(20).fill(failed()), deadline: 4000 });
  add(5);
  const closed = made.close();
  await clock.pass(10_000);
  await closed;
  assert.deepEqual([sent.length, made.stats], [3, { delivered: 0, dropped: 5, waiting: 0 }]);
  await clock.pass(100_000);
  assert.deepEqual([sent.length, clock.pending()], [3, []]);
});
