import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import test from "node:test";
import { fakeClock } from "../../tests/runtimes/clock.mjs";
import { createVerifier, staticSource, usageReporter } from "../dist/entry/node.js";
import { EdgeReports, SDK } from "../dist/usage/edge.js";
import { startVerifier } from "../dist/verifier.js";

const read = (path) => readFileSync(new URL(path, import.meta.url));
const fixture = JSON.parse(read("../../tests/runtimes/fixture.json"));
const failed = (more = { again: 0 }) => ({ error: { code: "unreachable" }, ...more });

/** An edge whose reports the test sees and answers: with a pace, or with an error. */
function reports({ mode = "timer", answers = [], pace = { interval: 30, spread: 100 }, name = "fra-1" } = {}) {
  const clock = fakeClock();
  const state = { mode, epoch: 0, issuedAt: 0, rootVersion: 1, at: 1_800_000_000 };
  const [sent, errors] = [[], []];
  const send = async ({ body }, take) => {
    sent.push({ ...JSON.parse(body), when: clock.now() });
    const answer = (await answers.shift()) ?? pace;
    if (answer.error !== undefined) return answer;
    await take(new Response(typeof answer === "string" ? answer : JSON.stringify(answer)));
    return {};
  };
  const edge = new EdgeReports(send, name, state, 1000, (error) => errors.push(error.code), clock);
  const serve = (epoch) => (Object.assign(state, { epoch, issuedAt: 1_799_999_990 }), edge.refreshed());
  return { edge, clock, state, sent, errors, serve, epochs: () => sent.map(({ epoch }) => epoch) };
}

test("an edge says which epoch it has, soon after it has it", async () => {
  const { edge, clock, sent, serve } = reports();
  await clock.pass(60_000);
  assert.equal(sent.length, 0, "nothing before the first refresh");
  serve(7);
  await clock.pass(499); // half of the second over which edges spread that do not know better
  assert.equal(sent.length, 0);
  await clock.pass(1);
  const [{ edge: id, when, ...said }] = sent;
  assert.match(id, /^[0-9a-f-]{36}$/);
  assert.deepEqual(said, {
    name: "fra-1", report: 1, epoch: 7, issued_at: 1_799_999_990, root_version: 1, serving: 0, at: 1_800_000_000, mode: "timer", sdk: SDK, closing: false,
  });
  edge.refreshed(); // the same epoch
  await clock.pass(29_000);
  assert.equal(sent.length, 1);
  await clock.pass(1000);
  assert.deepEqual([sent.length, sent[1].report, sent[1].edge, sent[1].serving], [2, 2, id, 30]);
});

test("without a snapshot it is there too", async () => {
  const { edge, clock, epochs } = reports();
  edge.refreshed();
  await clock.pass(1000);
  assert.deepEqual(epochs(), [0]);
});

test("the control plane slows a large fleet down, and an answer that is none changes nothing", async () => {
  const slow = reports({ pace: { interval: 120, spread: 20_000 } });
  slow.serve(1);
  await slow.clock.pass(500);
  slow.serve(2);
  await slow.clock.pass(19_999); // no edge reports more often than the fleet spreads
  assert.deepEqual(slow.epochs(), [1]);
  await slow.clock.pass(1);
  assert.deepEqual(slow.epochs(), [1, 2]);
  await slow.clock.pass(119_999);
  assert.equal(slow.sent.length, 2);
  await slow.clock.pass(1);
  assert.equal(slow.sent.length, 3);
  for (const answer of ["<html>", "null", '{"interval":"1","spread":1}', '{"interval":0,"spread":-1}', "x".repeat(5000)]) {
    const odd = reports({ answers: [answer], pace: answer });
    odd.serve(1);
    await odd.clock.pass(2000);
    assert.ok(odd.sent.length >= 1 && odd.sent.length <= 3, `${answer}: ${odd.sent.length}`);
  }
});

test("epochs that follow each other fast are told at most once a second, and the last one is", async () => {
  const { clock, serve, sent, epochs } = reports();
  for (let epoch = 1; epoch <= 40; epoch++) {
    serve(epoch);
    await clock.pass(100);
  }
  await clock.pass(1000);
  assert.equal(epochs().at(-1), 40);
  for (let i = 1; i < sent.length; i++) assert.ok(sent[i].when - sent[i - 1].when >= 1000, `${sent[i].when - sent[i - 1].when}`);
  assert.ok(sent.length >= 4 && sent.length <= 6, `${sent.length}`);
});

test("an epoch that comes while a report is under way is told after it", async () => {
  let answer;
  const { clock, serve, epochs } = reports({ answers: [new Promise((resolve) => (answer = resolve))] });
  serve(1);
  await clock.pass(600);
  serve(2);
  await clock.pass(900);
  assert.deepEqual(epochs(), [1]);
  answer({ interval: 30, spread: 100 });
  await clock.pass(1000);
  assert.deepEqual(epochs(), [1, 2]);
});

test("a timer that runs a part of a millisecond too early loses no report", async () => {
  const { edge, clock, serve, epochs } = reports();
  const { setTimeout } = clock;
  [clock.random, clock.setTimeout] = [() => 0.5005, (run, ms) => setTimeout(run, ms < 1 ? 1 : Math.floor(ms))];
  serve(1);
  await clock.pass(502);
  assert.deepEqual(epochs(), [1]);
  await edge.close();
});

test("an outage is told once, and nothing is sent before its time", async () => {
  const { clock, serve, sent, errors, epochs } = reports({ answers: [failed(), failed(), failed({ again: 20_000 })] });
  serve(1);
  await clock.pass(500);
  serve(2); // no reason to ask sooner
  await clock.pass(999);
  assert.equal(sent.length, 1);
  await clock.pass(1);
  await clock.pass(1499); // three quarters of two seconds, on this chance
  assert.equal(sent.length, 2);
  await clock.pass(1);
  assert.equal(sent.length, 3);
  await clock.pass(19_999);
  assert.equal(sent.length, 3);
  await clock.pass(1);
  assert.deepEqual([epochs(), errors], [[1, 2, 2, 2], ["unreachable"]]);
  const refused = reports({ answers: [failed({}), failed({})] });
  refused.serve(1);
  await refused.clock.pass(500 + 59_999);
  assert.deepEqual([refused.sent.length, refused.errors.length], [2, 1]);
  await refused.clock.pass(1);
  assert.equal(refused.sent.length, 3);
});

test("where there are no timers, reports go with requests, one an interval, and never hold one up", async () => {
  const { edge, clock, serve, sent, epochs } = reports({ mode: "demand" });
  const carried = [];
  const request = () => edge.touch((work) => carried.push(work));
  request();
  serve(1);
  await clock.pass(60_000);
  assert.deepEqual([sent.length, clock.pending()], [0, []]);
  request();
  assert.deepEqual([sent.length, carried.length], [0, 1], "the response goes first");
  request();
  await clock.pass(0);
  await Promise.all(carried);
  assert.deepEqual([epochs(), carried.length], [[1], 1]);
  request();
  await clock.pass(29_999);
  request();
  assert.equal(carried.length, 1);
  await clock.pass(1);
  request();
  await clock.pass(0);
  serve(2);
  await clock.pass(1000);
  request();
  await clock.pass(0);
  assert.deepEqual(epochs(), [1, 1, 2]);
});

test("a report that was dropped with its request is not waited for", async () => {
  const { edge, clock, serve, epochs } = reports({ mode: "demand", answers: [new Promise(() => {})] });
  serve(1);
  await clock.pass(1000);
  edge.touch();
  await clock.pass(60_000);
  edge.touch();
  await clock.pass(0);
  assert.deepEqual(epochs(), [1, 1]);
  const lost = reports({ answers: [new Promise(() => {})] });
  lost.serve(1);
  await lost.clock.pass(500);
  const closed = lost.edge.close();
  await lost.clock.pass(1000);
  await closed;
  assert.equal(lost.sent.at(-1).closing, true);
});

test("an edge that ends says so, if it ever said that it is there", async () => {
  const { edge, clock, serve, sent } = reports();
  serve(1);
  await clock.pass(500);
  await edge.close();
  await edge.close();
  serve(2);
  await clock.pass(60_000);
  assert.deepEqual(sent.map(({ report, closing }) => [report, closing]), [[1, false], [2, true]]);
  const silent = reports();
  await silent.edge.close();
  silent.serve(1);
  await silent.clock.pass(60_000);
  assert.deepEqual(silent.sent, []);
});

/** A control plane that takes everything. */
async function plane(run) {
  const calls = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk) => (body += chunk)).on("end", () => {
      calls.push({ url: request.url, authorization: request.headers.authorization, body: JSON.parse(body) });
      response.end('{"interval":30,"spread":100}');
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await run(`http://127.0.0.1:${server.address().port}`, calls);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
const bundle = Buffer.from(fixture.snapshots.first.bundle, "base64");
const verifierWith = (usage, more = {}) =>
  createVerifier({ root: fixture.roots[0], source: staticSource(bundle), refresh: { mode: "manual" }, now: () => (fixture.start + 10) * 1000, usage, ...more });
async function until(holds) {
  for (let turn = 0; turn < 500 && !holds(); turn++) await new Promise((next) => setTimeout(next, 10));
  assert.ok(holds());
}

test("a verifier with a reporter is seen, without events too", async () => {
  await plane(async (url, calls) => {
    const usage = usageReporter({ url, realm: "acme", key: "elm_key", edge: "ams-1", events: false });
    const verifier = await verifierWith(usage);
    verifier.verifyKey(fixture.keys.plain).report({ status: 200 });
    await verifier.refresh();
    await until(() => calls.length === 1);
    await usage.close();
    verifier.close();
    assert.deepEqual(calls.map(({ url, authorization, body }) => [url, authorization, body.closing]), [
      ["/api/v1/realms/acme/edges", "Bearer elm_key", false], ["/api/v1/realms/acme/edges", "Bearer elm_key", true],
    ]);
    const [{ body }] = calls;
    assert.deepEqual([body.name, body.epoch, body.mode, body.at, body.root_version], ["ams-1", verifier.epoch, "manual", fixture.start + 10, 1]);
    assert.deepEqual([usage.stats, verifier.usage], [{ delivered: 0, dropped: 0, waiting: 0 }, undefined]);
  });
});

test("a sink that fails while it watches touches no request", async () => {
  const broken = { record() {}, watch: () => ({ refreshed: () => { throw new Error("refreshed"); }, touch: () => { throw new Error("touch"); } }) };
  const verifier = await verifierWith(broken);
  assert.equal(await verifier.refresh(), true);
  assert.equal(verifier.verifyKey(fixture.keys.plain).ok, true);
  verifier.close();
});

test("background work goes with the request, or with the platform where the request brings nothing", async () => {
  const module = await WebAssembly.compile(read("../wasm/edgelatch.wasm"));
  const [touched, own, platform] = [[], () => {}, () => {}];
  const usage = { record() {}, watch: () => ({ refreshed: () => touched.push("refreshed"), touch: (waitUntil) => touched.push(waitUntil) }) };
  const source = staticSource(bundle);
  for (const [mode, expected] of [["demand", [platform, own]], ["manual", [platform, own]], ["timer", []]]) {
    const verifier = await startVerifier({ root: fixture.roots[0], source, refresh: { mode }, now: () => (fixture.start + 10) * 1000, usage }, module, "demand", platform);
    await verifier.refresh();
    touched.length = 0;
    verifier.verifyKey(fixture.keys.plain);
    verifier.verify(new Request("https://h/"), {}, { waitUntil: own });
    assert.deepEqual(touched.filter((one) => one !== "refreshed"), expected, mode);
    verifier.close();
  }
});

test("what stands in the package's manifest is what is reported", () => {
  assert.equal(SDK, `edgelatch-js/${JSON.parse(read("../package.json")).version}`);
});

test("wrong names are refused at once", () => {
  const base = { url: "http://127.0.0.1:1", realm: "acme", key: "elm_key" };
  for (const edge of ["", " a", "a\n", "é".repeat(65), 7, null]) assert.throws(() => usageReporter({ ...base, edge }), /^TypeError: edge: /);
  for (const events of ["no", null, 0]) assert.throws(() => usageReporter({ ...base, events }), /^TypeError: events: /);
  usageReporter({ ...base, edge: "é".repeat(64) });
});
