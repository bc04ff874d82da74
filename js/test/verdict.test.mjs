// What a verdict says, and when it stops saying it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test, { after } from "node:test";
import { inspect } from "node:util";
import { createVerifier, routes, staticSource } from "../dist/entry/node.js";
import { fakeVerifier } from "../dist/entry/testing/compiled.js";

const { keys, roots, snapshots, start } = JSON.parse(readFileSync(new URL("../../tests/runtimes/fixture.json", import.meta.url)));
const source = staticSource(Buffer.from(snapshots.first.bundle, "base64"));
const options = { root: roots[0], source, now: () => (start + 10) * 1000 };
const verifier = await createVerifier({ ...options, clientIp: { trust: ["10.0.0.0/8"] } });
after(() => verifier.close());

const request = (key, more = []) => ({ method: "GET", url: "/a?secret=1", rawHeaders: ["Host", "h", "Authorization", `Bearer ${keys[key]}`, ...more], socket: { remoteAddress: "10.1.2.3" } });

test("accepted and refused verdicts are told apart by `ok`, and each has its own", () => {
  const accepted = verifier.verify(request("plain"));
  assert.deepEqual([accepted.ok, accepted.code, accepted.keyId, accepted.roles, accepted.expiresAt], [true, "valid", "key_00000000001", ["reader"], undefined]);
  assert.throws(() => accepted.reply, { name: "VerdictError", code: "no_reply" });
  const refused = verifier.verify(request("revoked"));
  assert.deepEqual([refused.ok, refused.code, refused.reply.status, refused.name, refused.roles, refused.permissions, refused.scope, refused.expiresAt, refused.metadata], [false, "revoked", 401, undefined, [], [], [], undefined, undefined]);
});

test("the patterns of its roles, each once, and the end of a key are read when they are asked for", async () => {
  const expiresAt = new Date("2031-05-06T07:08:09Z");
  const latch = await fakeVerifier({
    some: { roles: { reader: ["zone.view", "*.read"], both: ["zone.view", "dns.*"] }, expiresAt },
    none: { roles: ["empty"] },
    last: { expiresAt: new Date(8.64e15) },
  });
  const some = latch.verifyKey(latch.keys.some);
  assert.deepEqual([some.permissions.toSorted(), some.roles.toSorted(), some.expiresAt], [["*.read", "dns.*", "zone.view"], ["both", "reader"], expiresAt]);
  assert.deepEqual(latch.verifyKey(latch.keys.none).permissions, []);
  assert.equal(Number(latch.verifyKey(latch.keys.last).expiresAt), 8.64e15);
});

test("the address is the one that the rule derives, whatever was laid into the core meanwhile, or changed in the request", () => {
  const first = request("plain", ["X-Forwarded-For", "192.0.2.7, 10.0.0.1"]);
  const verdict = verifier.verify(first);
  const other = verifier.verify(request("plain", ["X-Forwarded-For", "nonsense"]));
  first.rawHeaders.splice(0);
  assert.deepEqual([verdict.ip, verdict.ip, other.ip], ["192.0.2.7", "192.0.2.7", undefined]);
  assert.equal(verifier.verify(request("stranger", ["X-Forwarded-For", "2001:DB8::1"])).ip, "2001:db8::1", "refused ones have it too");
  assert.deepEqual([verifier.verifyKey(keys.plain, { ip: "192.0.2.1" }).ip, verifier.verifyKey(keys.plain).ip], ["192.0.2.1", undefined]);
  assert.equal(verifier.verify({}).ip, undefined);
});

test("what is shown of a verdict is its identity and no secret, and showing it never throws", async () => {
  const verdict = verifier.verify(request("plain"));
  const shown = inspect(verdict);
  assert.match(shown, /^Verdict \{\s+ok: true,\s+code: 'valid',\s+keyId: 'key_00000000001'/);
  for (const text of [shown, JSON.stringify(verdict), inspect({ deep: { verdict } }, { depth: 9 })]) {
    assert.ok(text.includes("key_00000000001") && !text.includes(keys.plain) && !text.includes("secret"), text);
  }
  const latch = await fakeVerifier({ a: {} });
  const gone = latch.verifyKey(latch.keys.a);
  // Nothing keeps a tree for ever.
  for (let n = 0; n < 70; n++) await latch.change({ [`k${n}`]: {} });
  const read = () => gone.keyId;
  let known;
  try {
    known = read();
  } catch (error) {
    assert.equal(error.code, "identity_gone");
  }
  assert.equal(JSON.parse(JSON.stringify(gone)).keyId, known);
  assert.match(inspect(gone), /code: 'valid'/);
});

test("any or all of several permissions", async () => {
  const latch = await fakeVerifier({ one: { roles: { r: ["a.x"] } }, both: { roles: { r: ["a.*"], s: ["b"] } }, none: {} });
  const code = (key, permission) => latch.verifyKey(latch.keys[key], { permission }).code;
  const rows = [
    ["one", { any: ["a.x", "b"] }, "valid"], ["one", { any: ["b", "a.x"] }, "valid"], ["one", { all: ["a.x", "b"] }, "permission_denied"], ["one", { any: ["c"] }, "permission_denied"],
    ["both", { all: ["a.x", "b"] }, "valid"], ["both", { all: ["b", "a.y", "a.z"] }, "valid"], ["both", { all: ["b", "c"] }, "permission_denied"], ["none", { any: ["a.x", "b"] }, "permission_denied"],
    ["one", { all: ["a.x"] }, "valid"], ["one", { any: Array(8).fill("a.x") }, "valid"],
  ];
  for (const [key, permission, expected] of rows) {
    assert.equal(code(key, permission), expected, `${key} ${JSON.stringify(permission)}`);
    const table = routes({ "/a": { permission }, default: "deny" });
    assert.equal(latch.verify({ method: "GET", url: "/a", rawHeaders: ["X-API-Key", latch.keys[key]] }, table).code, expected, `table: ${key} ${JSON.stringify(permission)}`);
  }
});

test("what is no list of permissions demands nothing less: it is no requirement", async () => {
  const errors = [];
  const latch = await fakeVerifier({ admin: { roles: { r: ["*"] } } }, { onError: (error) => errors.push(error) });
  class Any {
    any = ["a"];
  }
  const wrong = [
    {}, { any: [] }, { all: [] }, { any: undefined }, { any: "a" }, { some: ["a"] }, { any: ["a"], all: ["b"] }, { any: ["a"], extra: 1 }, { any: ["a", undefined] }, { any: ["a", ""] }, { any: ["*"] },
    { all: ["a|b"] }, { any: ["a&b"] }, { all: ["a", "b|c"] }, { any: Array(9).fill("a") }, ["a"], [], null, new Any(), Object.create({ any: ["a"] }), "a|b", "a&b", "|", "",
  ];
  for (const permission of wrong) {
    const what = inspect(permission);
    errors.length = 0;
    assert.equal(latch.verifyKey(latch.keys.admin, { permission }).code, "bad_requirement", what);
    assert.deepEqual(errors.map(({ code }) => code), ["bad_requirement"], what);
    assert.throws(() => routes({ "/a": { permission }, default: "deny" }), { name: "TypeError", code: "bad_option" }, what);
  }
  // What was refused as one text is not accepted as several, nor the other way round, whichever was asked for first.
  assert.equal(latch.verifyKey(latch.keys.admin, { permission: { any: ["a", "b"] } }).code, "valid");
  assert.equal(latch.verifyKey(latch.keys.admin, { permission: "a|b" }).code, "bad_requirement");
  assert.equal(latch.verifyKey(latch.keys.admin, { permission: { any: ["a", "b"] } }).code, "valid");
});
