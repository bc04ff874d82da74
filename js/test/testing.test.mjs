// `edgelatch/testing`: real verdicts out of a realm that is made on the spot.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import test from "node:test";
import { createVerifier, protect, routes, staticSource } from "../dist/entry/node.js";
import { fakeVerifier } from "../dist/entry/testing/compiled.js";

const DAY = 24 * 3600 * 1000;

test("keys are accepted and refused for the reasons that published ones are", async () => {
  const past = new Date(Date.now() - DAY);
  const future = new Date(Date.now() + DAY);
  const latch = await fakeVerifier({
    plain: {}, admin: { roles: { admin: ["*"] }, metadata: { plan: "pro" }, org: "acme", owner: "alice", name: "CI" }, shared: { roles: ["viewer"] }, dns: { scope: ["dns"] }, nothing: { scope: [] },
    revoked: { revoked: true }, disabled: { ownerDisabled: true }, expired: { expiresAt: past }, lasting: { expiresAt: future }, early: { notBefore: future },
    office: { allow: ["192.0.2.0/24", "2001:db8::/32"], deny: ["192.0.2.9"] }, strict: { allow: ["192.0.2.0/24"], deny: ["192.0.2.9"], order: "deny_first" }, nobody: { allow: [] }, imported: { secret: "my-own-key-0123456789" },
  }, { roles: { viewer: ["zone.view"] } });
  const code = (key, options = {}) => latch.verifyKey(latch.keys[key], options).code;
  assert.equal(latch.keys.imported, "my-own-key-0123456789");
  assert.match(latch.keys.plain, /^test_[0-9A-Za-z]{36}$/);
  const rows = [
    ["plain", {}, "valid"], ["plain", { permission: "zone.view" }, "permission_denied"], ["plain", { service: "any" }, "valid"], ["admin", { permission: "zone.view" }, "valid"], ["shared", { permission: "zone.view" }, "valid"],
    ["shared", { permission: "zone.edit" }, "permission_denied"], ["dns", { service: "dns" }, "valid"], ["dns", { service: "cdn" }, "scope_denied"], ["dns", {}, "scope_denied"], ["nothing", { service: "dns" }, "scope_denied"],
    ["revoked", {}, "revoked"], ["disabled", {}, "owner_disabled"], ["expired", {}, "expired"], ["lasting", {}, "valid"], ["early", {}, "not_yet_valid"], ["office", { ip: "192.0.2.9" }, "valid"], ["office", { ip: "198.51.100.1" }, "ip_denied"],
    ["office", {}, "ip_unknown"], ["office", { ip: "2001:db8::1" }, "valid"], ["strict", { ip: "192.0.2.9" }, "ip_denied"], ["strict", { ip: "192.0.2.8" }, "valid"], ["nobody", { ip: "192.0.2.8" }, "ip_denied"], ["imported", {}, "valid"],
  ];
  for (const [key, options, expected] of rows) assert.equal(code(key, options), expected, `${key} ${JSON.stringify(options)}`);
  assert.equal(latch.verifyKey("nonsense").code, "malformed");
  const { keyId, org, owner, name, roles, metadata, scope } = latch.verifyKey(latch.keys.admin);
  assert.deepEqual({ keyId, org, owner, name, roles, metadata, scope }, { keyId: "key_00000000002", org: "acme", owner: "alice", name: "CI", roles: ["admin"], metadata: { plan: "pro" }, scope: "all" });
});

test("what is in force changes as it does at an edge: another epoch, and what was not changed stays", async () => {
  const latch = await fakeVerifier({ a: { roles: { r: ["x"] } }, b: {} });
  const before = latch.keys.a;
  await latch.change({ a: { revoked: true } });
  assert.deepEqual([latch.epoch, latch.keys.a === before, latch.verifyKey(before).code, latch.verifyKey(latch.keys.b).code], [2, true, "revoked", "valid"]);
  await latch.change({ a: { revoked: false }, c: {} });
  assert.deepEqual([latch.verifyKey(before, { permission: "x" }).code, latch.verifyKey(latch.keys.c).code], ["valid", "valid"]);
  await latch.change({ b: { secret: "rotated-0123456789abcdef" } });
  assert.deepEqual([latch.keys.b, latch.verifyKey("rotated-0123456789abcdef").code], ["rotated-0123456789abcdef", "valid"]);
});

test("it goes before handlers like any other, and by the clock of the test", async () => {
  let time = Date.parse("2027-01-01T00:00:00Z");
  const latch = await fakeVerifier({ a: { expiresAt: new Date(time + DAY) }, b: {} }, { now: () => time, location: { header: "x-acme-key" } });
  const handler = protect((_request, verdict) => new Response(verdict.keyId), { verifier: latch, requirement: routes({ "/open": {}, default: "deny" }) });
  const ask = async (path, headers) => (await handler(new Request(`https://h${path}`, { headers }))).status;
  assert.deepEqual([await ask("/open", latch.headers("a")), await ask("/open", { "x-acme-key": latch.keys.a }), await ask("/other", latch.headers("a")), await ask("/open", {})], [200, 200, 403, 401]);
  time += DAY;
  assert.equal(await ask("/open", latch.headers("a")), 401);
  time += 61 * DAY;
  assert.equal(await ask("/open", latch.headers("b")), 503);
  await latch.change({});
  assert.equal(await ask("/open", latch.headers("b")), 200);
});

test("realms are strangers to each other, whatever their names", async () => {
  const [one, two] = [await fakeVerifier({ a: {} }), await fakeVerifier({ a: {} })];
  assert.notEqual(one.keys.a, two.keys.a);
  assert.equal(one.verifyKey(two.keys.a).code, "unknown");
  assert.equal((await fakeVerifier({ a: {} }, { realm: "other" })).realm, "other");
});

test("what no control plane would publish is refused, and says why", async () => {
  const rows = [
    [{ a: { secret: "short" } }, /text of a key/], [{ a: { org: "with space" } }, /org or owner/], [{ a: { roles: { r: ["a*"] } } }, /permission pattern/], [{ a: { allow: ["192.0.2.1/24"] } }, /192\.0\.2\.1\/24/], [{ a: { scope: ["*"] } }, /service/],
    [{ a: { name: "a\u001fb" } }, /control characters/], [{ a: { roles: ["a\u001eb"] } }, /control characters/], [{ a: { role: ["x"] } }, /unknown option "role"/], [{ a: { revoked: undefined } }, /revoked is undefined/], [{ a: undefined }, /plain object/],
    [{ a: { expiresAt: new Date(Number.NaN) } }, /dates/], [{ a: { metadata: "x".repeat(5000) } }, /metadata/],
  ];
  for (const [keys, message] of rows) await assert.rejects(fakeVerifier(keys), { name: "TypeError", code: "bad_option", message }, JSON.stringify(keys));
  await assert.rejects(fakeVerifier({ a: {} }, { realm: "Not A Realm" }), { code: "bad_realm" });
  await assert.rejects(fakeVerifier({ a: {} }, { source: "https://h/" }), { code: "bad_option" });
  const latch = await fakeVerifier({ a: {} });
  assert.throws(() => latch.headers("b"), /no key "b"; known are a/);
  await assert.rejects(latch.change({ a: { org: "with space" } }), /org or owner/);
  assert.deepEqual([latch.epoch, latch.verifyKey(latch.keys.a).code], [1, "valid"], "a change that is refused changes nothing");
});

test("a program that requires it gets the same", async () => {
  const { fakeVerifier: required } = createRequire(import.meta.url)("../dist/cjs/entry/testing/compiled.js");
  const latch = await required({ a: {} });
  assert.equal(latch.verifyKey(latch.keys.a).code, "valid");
});
