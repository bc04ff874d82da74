// The guard by itself, and an adapter over it for a host that is neither fetch's nor Node's: events in, plain results out.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test, { after } from "node:test";
import { createVerifier, routes, staticSource } from "../dist/entry/node.js";
import { CACHING, Guard, isIdentityHeader } from "../dist/guard.js";

const { keys, roots, snapshots, start } = JSON.parse(readFileSync(new URL("../../tests/runtimes/fixture.json", import.meta.url)));
const events = [];
const options = {
  root: roots[0],
  source: staticSource(Buffer.from(snapshots.first.bundle, "base64")),
  now: () => (start + 10) * 1000,
  usage: { record: (event) => events.push(event) },
};
const verifier = await createVerifier(options);
after(() => verifier.close());

/** For events with `method`, `path`, `headers` by name, and the address of the caller. */
function adapter(given, handler) {
  const guard = new Guard("adapter", given);
  return async (event) => {
    const request = { method: event.method, url: event.path, rawHeaders: Object.entries(event.headers).flat() };
    const verdict = await guard.judge(request, { peer: event.ip }, [event]);
    const refusal = guard.refusal(verdict);
    if (refusal !== undefined) return refusal;
    const headers = Object.fromEntries(Object.entries(event.headers).filter(([name]) => !isIdentityHeader(name)));
    const result = await handler({ ...event, headers }, verdict);
    verdict.report({ status: result.status });
    return verdict.ok ? { ...result, headers: { ...CACHING, ...result.headers } } : result;
  };
}
const event = (key, more = {}) => ({ method: "GET", path: "/a?x", ip: "198.51.100.9", headers: { Host: "h", "X-API-Key": keys[key], ...more } });

test("any host can be adapted: refused with a reply, accepted with headers for caches, both reported", async () => {
  let seen;
  const handle = adapter({ verifier, requirement: { permission: "cache.purge" } }, (given, verdict) => ((seen = [given.headers, verdict.keyId]), { status: 201, headers: {} }));
  events.length = 0;
  const accepted = await handle(event("office", { "x-edgelatch-org": "forged", "x-own": "1" }));
  assert.deepEqual(accepted, { status: 201, headers: { "cache-control": "private", vary: "Authorization, X-API-Key" } });
  assert.deepEqual(seen, [{ Host: "h", "X-API-Key": keys.office, "x-own": "1" }, "key_00000000002"]);
  seen = undefined;
  const refused = await handle({ ...event("office"), ip: "203.0.113.1" });
  assert.deepEqual([refused.status, refused.headers["cache-control"], seen], [403, "no-store", undefined]);
  assert.equal((await handle(event("plain"))).status, 403);
  assert.equal((await handle({ ...event("plain"), headers: {} })).status, 401);
  assert.deepEqual(events.map(({ status, code, ip, endpoint }) => [status, code, ip, endpoint]), [
    [201, "valid", "198.51.100.9", "/a"], [403, "ip_denied", "203.0.113.1", "/a"], [403, "permission_denied", "198.51.100.9", "/a"], [401, "missing", "198.51.100.9", "/a"],
  ]);
});

test("a verifier is made at the first request, once, and anew after it could not be", async () => {
  let made = 0;
  const given = [];
  const make = async (first) => {
    given.push(first.ip);
    if (made++ === 0) throw new Error("no root");
    return verifier;
  };
  const handle = adapter({ verifier: make }, () => ({ status: 200 }));
  const both = await Promise.allSettled([handle(event("plain")), handle(event("plain"))]);
  assert.deepEqual(both.map(({ reason }) => reason?.message), ["no root", "no root"]);
  assert.deepEqual((await Promise.all([handle(event("plain")), handle(event("stranger"))])).map(({ status }) => status), [200, 401]);
  assert.deepEqual([made, given], [2, ["198.51.100.9", "198.51.100.9"]]);
  const throwing = new Guard("adapter", { verifier: () => { throw new Error("at once"); } });
  await assert.rejects(throwing.judge(event("plain"), {}, []), /at once/);
});

test("a verdict is there at once, or after the refresh that is overdue", async () => {
  const guard = new Guard("adapter", { verifier });
  const request = { method: "GET", url: "/", rawHeaders: ["X-API-Key", keys.plain] };
  assert.equal(guard.judge(request, {}, []).code, "valid");
  assert.equal(guard.reports, true);
  const cold = await createVerifier({ ...options, usage: undefined, refresh: { mode: "demand" } });
  const waiting = new Guard("adapter", { verifier: cold });
  const judged = waiting.judge(request, {}, []);
  assert.ok(judged instanceof Promise);
  assert.deepEqual([(await judged).code, waiting.reports, waiting.judge(request, {}, []).code], ["valid", false, "valid"]);
});

test("a forged identity has many spellings", () => {
  for (const name of ["x-edgelatch-org", "X-Edgelatch-Key-Id", "X_EDGELATCH_ORG", "x-edgelatch_org", "x-edgelatch-"]) assert.ok(isIdentityHeader(name), name);
  for (const name of ["x-edgelatch", "x-edgelatched-org", "my-x-edgelatch-org", ""]) assert.ok(!isIdentityHeader(name), name);
});

test("options are checked under the adapter's name", () => {
  assert.throws(() => new Guard("adapter", { verifier, requirements: {} }), { name: "TypeError", message: /^adapter: unknown option "requirements"/ });
});

test("a credential may be optional, which lets nothing pass but its absence", async () => {
  const guard = new Guard("adapter", { verifier, optional: true });
  const ask = (...headers) => guard.judge({ method: "GET", url: "/", rawHeaders: ["Host", "h", ...headers] }, {}, []);
  const passes = (...headers) => guard.refusal(ask(...headers)) === undefined;
  assert.deepEqual([passes(), passes("X-API-Key", keys.plain), ask().ok], [true, true, false]);
  for (const headers of [["X-API-Key", keys.stranger], ["X-API-Key", keys.revoked], ["X-API-Key", ""], ["Authorization", "Bearer"], ["X-API-Key", keys.plain, "X-API-Key", keys.plain]]) {
    assert.equal(passes(...headers), false, headers.join(" "));
  }
  const table = routes({ "/a": {}, default: "deny" });
  assert.throws(() => new Guard("adapter", { verifier, optional: true, requirement: table }), { name: "TypeError", message: /^adapter: optional: a route table/ });
  for (const optional of ["false", 1, null, undefined]) assert.throws(() => new Guard("adapter", { verifier, optional }), { name: "TypeError", message: /^adapter: optional/ }, String(optional));
});

test("a host's own functions get what its handlers get, and what they throw leads nowhere", async () => {
  const request = { method: "GET", url: "/", rawHeaders: ["Host", "h", "X-API-Key", keys.office] };
  const code = (more) => new Guard("adapter", { verifier, ...more }).judge(request, {}, ["a", "b"]).code;
  assert.equal(code({ context: (...host) => ({ peer: host.join() === "a,b" ? "198.51.100.9" : undefined }) }), "valid");
  assert.equal(code({ context: () => ({ peer: undefined }) }), "ip_unknown");
  assert.equal(code({ context: () => ({ peer: "198.51.100.9" }), requirement: (info, ...host) => ({ permission: host.join() === "a,b" ? "cache.purge" : "no.such" }) }), "valid");
  for (const wrong of [() => undefined, () => { throw new Error("a look-up"); }]) assert.equal(code({ requirement: wrong, context: () => ({ peer: "198.51.100.9" }) }), "bad_requirement");
  assert.throws(() => code({ context: () => { throw new Error("a look-up"); } }), /a look-up/);
  for (const name of ["refuse", "context"]) assert.throws(() => new Guard("adapter", { verifier, [name]: "x" }), { name: "TypeError", message: `adapter: ${name}: a function is needed` });
  for (const none of [undefined, null]) assert.throws(() => new Guard("adapter", { verifier: none }), { name: "TypeError", message: /^adapter: verifier: / });
});
