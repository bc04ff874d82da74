// What a verifier tells of itself: errors, updates, counts; and what ends its waiting.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { createVerifier, EdgelatchError, httpSource, OptionError, protect, SourceError, staticSource, UpdateError } from "../dist/entry/node.js";
import { fakeVerifier } from "../dist/entry/testing/compiled.js";
import { warner } from "../dist/util/warn.js";
import { after as later, at, before } from "./edge.mjs";

const { keys, roots, snapshots, start } = JSON.parse(readFileSync(new URL("../../tests/runtimes/fixture.json", import.meta.url)));
const bundle = Buffer.from(snapshots.first.bundle, "base64");
const options = { root: roots[0], source: staticSource(bundle), now: () => (start + 10) * 1000 };
/** Everything that is written to the console while `work` runs. */
async function warned(t, work) {
  const lines = [];
  t.mock.method(console, "warn", (...parts) => lines.push(parts.join(" ")));
  await work();
  t.mock.restoreAll();
  return lines;
}
const broken = (code) => ({ bundle: async () => { throw new SourceError(code, "no way"); } });

test("every error is an EdgelatchError with a code, and its own kind", async () => {
  for (const [error, kind, other] of [[new SourceError("unreachable", "x"), SourceError, UpdateError], [new UpdateError("rollback", "x"), UpdateError, SourceError], [new OptionError("x"), OptionError, SourceError]]) {
    assert.ok(error instanceof EdgelatchError && error instanceof kind && error instanceof Error && !(error instanceof other), String(error));
  }
  assert.ok(new OptionError("x") instanceof TypeError);
  for (const none of [new Error("x"), new TypeError("x"), undefined, null, {}, "x"]) assert.ok(!(none instanceof EdgelatchError), String(none));
  await assert.rejects(createVerifier({}), (error) => error instanceof EdgelatchError && error.code === "bad_option");
  await assert.rejects(createVerifier({ ...options, root: new Uint8Array(8) }), (error) => error instanceof EdgelatchError && error instanceof UpdateError);
});

test("an error of one copy of the package is one of the other's", async () => {
  const { createRequire } = await import("node:module");
  const required = createRequire(import.meta.url)("../dist/cjs/entry/node.js");
  assert.ok(new required.SourceError("unreachable", "x") instanceof EdgelatchError && new SourceError("unreachable", "x") instanceof required.EdgelatchError);
});

test("without onError trouble is warned of, each kind once a minute, with what was left unsaid", async (t) => {
  const lines = await warned(t, async () => {
    const verifier = await createVerifier({ ...options, source: broken("unreachable"), refresh: { mode: "manual" } });
    for (let n = 0; n < 5; n++) await verifier.refresh().catch(() => {});
    for (let n = 0; n < 5; n++) verifier.verify(undefined);
    verifier.verify(new Request("https://h/"), undefined);
  });
  assert.deepEqual(lines.map((line) => /^edgelatch: (\w+): .*give `onError`/.exec(line)?.[1]), ["unreachable", "bad_request_object", "bad_requirement"]);
  assert.deepEqual(await warned(t, () => createVerifier({ ...options, source: broken("unreachable"), onError: () => {} }).then((verifier) => verifier.close())), []);
  const [said, time] = [[], { at: 0 }];
  const warn = warner({ now: () => time.at }, (text) => said.push(text));
  for (time.at of [0, 1, 59_999, 60_000, 60_001]) warn(new SourceError("deadline", "late"));
  assert.deepEqual(said.map((line) => /\(and (\d+) more/.exec(line)?.[1]), [undefined, "2"]);
});

test("a function that throws where it should choose a requirement is told, and refuses", async () => {
  const errors = [];
  const latch = await fakeVerifier({ a: { roles: { r: ["*"] } } }, { onError: (error) => errors.push(error) });
  const ask = (requirement) => latch.verify(new Request("https://h/a", { headers: latch.headers("a") }), requirement).code;
  const cause = new Error("no such route");
  const cases = [
    [() => { throw cause; }, /threw: no such route/], [() => undefined, /returned undefined/], [async () => ({}), /returned a promise/], [() => ({ permision: "x" }), /"permision" is no part/], [() => ({ permission: "a..b" }), /permission "a\.\.b" is not well formed/],
    [undefined, /^bad_requirement: undefined is no requirement/], [[], /an array/], [{ service: 7 }, /service "" is not well formed/],
  ];
  for (const [requirement, message] of cases) {
    errors.length = 0;
    assert.equal(ask(requirement), "bad_requirement");
    assert.equal(errors.length, 1);
    assert.match(errors[0].message, message);
    assert.deepEqual([errors[0].name, errors[0].code], ["RequirementError", "bad_requirement"]);
  }
  errors.length = 0;
  ask(() => { throw cause; });
  assert.equal(errors[0].cause, cause);
  const reply = await protect(() => assert.fail("reached"), { verifier: latch, requirement: () => { throw cause; } })(new Request("https://h/", { headers: latch.headers("a") }));
  assert.equal(reply.status, 500);
});

test("verify(undefined) is a fault of the program, not an outage", async () => {
  const errors = [];
  const latch = await fakeVerifier({ a: {} }, { onError: (error) => errors.push(error) });
  for (const none of [undefined, null, "x", 7, {}, new URL("https://h/")]) {
    errors.length = 0;
    const verdict = latch.verify(none);
    assert.deepEqual([verdict.code, verdict.reply.status, errors.map(({ code }) => code)], ["bad_requirement", 500, ["bad_request_object"]], String(none));
  }
  const raw = new Request("https://h/");
  for (const [given, place] of [[{ raw: { rawHeaders: [] } }, ".raw"], [{ req: { raw } }, ".req.raw"], [{ req: { rawHeaders: [] }, request: {} }, ".req"], [{ request: raw }, ".request"]]) {
    errors.length = 0;
    latch.verify(given);
    assert.ok(errors[0].message.endsWith(`its request is \`${place}\``), errors[0].message);
  }
});

test("a source that answers with an error says which address answered, and how, without its query", async () => {
  const source = httpSource("https://keys.example.com/r/acme?token=S3cret", { fetch: async () => new Response("", { status: 503 }) });
  const signal = new AbortController().signal;
  await assert.rejects(source.head({ signal }), (error) => {
    assert.deepEqual([error.code, error.status, error.url], ["http_status", 503, "https://keys.example.com/r/acme/head"]);
    return error.message.includes("https://keys.example.com/r/acme/head") && !error.message.includes("S3cret");
  });
  const none = httpSource("https://keys.example.com/r/acme?token=S3cret", { fetch: async () => { throw new TypeError("fetch failed"); } });
  await assert.rejects(none.head({ signal }), (error) => error.code === "unreachable" && error.url === "https://keys.example.com/r/acme/head" && !error.message.includes("S3cret"));
  assert.throws(() => httpSource("keys.example.com"), { code: "bad_option", message: /^source: the address is no absolute URL/ });
});

test("what a source of the host's throws is one of our errors, with the cause", async () => {
  const cause = new Error("the bucket is gone");
  const errors = [];
  const verifier = await createVerifier({ ...options, source: { bundle: async () => { throw cause; } }, onError: (error) => errors.push(error), refresh: { mode: "manual" } });
  await assert.rejects(verifier.refresh(), (error) => error instanceof EdgelatchError && error.code === "source" && error.cause === cause);
  assert.equal(errors[0].cause, cause);
});

test("updates are told after they serve, and what was done is counted", async () => {
  const [updates, errors] = [[], []];
  const shown = { ...at(5, before) };
  const source = { bundle: async () => { if (shown.failing) throw new SourceError("unreachable", "down"); return { bytes: shown.bundle }; } };
  const verifier = await createVerifier({ ...options, source, refresh: { mode: "manual" }, onUpdate: (update) => updates.push([update.epoch, update.previous, verifier.epoch]), onError: (error) => errors.push(error.code) });
  assert.deepEqual([verifier.stats().ready, verifier.stats().verdicts, verifier.stats().refreshedAt], [false, {}, undefined]);
  await verifier.refresh();
  await verifier.refresh();
  Object.assign(shown, at(6, later));
  await verifier.refresh();
  shown.failing = true;
  await verifier.refresh().catch(() => {});
  await null;
  assert.deepEqual(updates, [[5, 0, 5], [6, 5, 6]]);
  for (const key of ["plain", "plain", "stranger"]) verifier.verifyKey(keys[key]);
  await verifier.checkKey(keys.revoked);
  const { verdicts, refreshes, errors: counted, lastError, ...rest } = verifier.stats();
  assert.deepEqual(verdicts, { valid: 2, unknown: 1, revoked: 1 });
  assert.deepEqual([refreshes, counted, errors, lastError], [3, { unreachable: 1 }, ["unreachable"], { code: "unreachable", message: "unreachable: down", at: start + 10 }]);
  assert.deepEqual(rest, { realm: "acme", mode: "manual", ready: true, epoch: 6, rootVersion: 1, age: verifier.age, updates: 2, refreshedAt: start + 10 });
});

test("signals end waiting, not the work", async () => {
  const held = Promise.withResolvers?.() ?? (() => { let resolve; return { promise: new Promise((r) => (resolve = r)), resolve: () => resolve() }; })();
  const source = { bundle: async () => (await held.promise, { bytes: bundle }) };
  const demanded = await createVerifier({ ...options, source, refresh: { mode: "demand" } });
  const reason = new Error("enough");
  const aborted = (ms = 10) => { const abort = new AbortController(); setTimeout(() => abort.abort(reason), ms); return abort.signal; };
  await assert.rejects(demanded.refresh({ signal: aborted() }), reason);
  await assert.rejects(demanded.refresh({ signal: AbortSignal.abort(reason) }), reason);
  await demanded.load({ signal: aborted() });
  const request = new Request("https://h/", { headers: { "x-api-key": keys.plain } });
  assert.equal((await demanded.check(request, {}, { signal: aborted() })).code, "snapshot_missing");
  const waiting = createVerifier({ ...options, source, signal: aborted() });
  await assert.rejects(waiting, reason);
  await assert.rejects(createVerifier({ ...options, signal: AbortSignal.abort(reason) }), reason);
  held.resolve();
  assert.equal((await demanded.check(request)).code, "valid", "the refresh went on");
  await assert.rejects(demanded.refresh({ singal: 1 }), { code: "bad_option" });
});

test("a signal closes a verifier that serves", async () => {
  const abort = new AbortController();
  let asked = 0;
  const source = { bundle: async () => (asked++, { bytes: bundle, etag: "x" }) };
  const verifier = await createVerifier({ ...options, source, signal: abort.signal, refresh: { interval: 1 } });
  abort.abort();
  const before = asked;
  await new Promise((next) => setTimeout(next, 50));
  assert.deepEqual([asked - before <= 1, verifier.verifyKey(keys.plain).code], [true, "valid"]);
});
