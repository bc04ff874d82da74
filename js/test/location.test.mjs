// A place of the host's own for the key, from options to replies.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import test from "node:test";
import { middleware } from "../dist/adapters/node.js";
import { createVerifier, protect, staticSource } from "../dist/entry/node.js";

const { keys, roots, snapshots, start } = JSON.parse(readFileSync(new URL("../../tests/runtimes/fixture.json", import.meta.url)));
const made = (t, more) =>
  createVerifier({ root: roots[0], source: staticSource(Buffer.from(snapshots.first.bundle, "base64")), now: () => (start + 10) * 1000, ...more }).then((verifier) => (t.after(() => verifier.close()), verifier));
const basic = (text) => `Basic ${Buffer.from(text).toString("base64")}`;
const key = keys.plain;

/** Location, header lines that carry the key, and those that are refused with 400. */
const PLACES = [
  [{ header: "X-Acme-Key" }, [["x-acme-key", key]], [["X-Acme-Key", ""], ["X-Acme-Key", `Bearer ${key}`], ["X-Acme-Key", key, "x-acme-key", key]]],
  [{ header: "authorization", scheme: "Token" }, [["Authorization", `token  ${key}`]], [["Authorization", "Token"], ["Authorization", `Token ${key} x`], ["Authorization", `Token ${key}`, "Authorization", `Token ${key}`]]],
  [{ header: "Authorization" }, [["Authorization", key]], [["Authorization", `${key}, ${key}`], ["Authorization", ""]]],
  [{ basic: "username" }, [["Authorization", basic(`${key}:`)], ["Authorization", basic(`${key}:x`)]], [["Authorization", basic(key)], ["Authorization", basic(":")], ["Authorization", "Basic !"]]],
  [{ basic: "password" }, [["Authorization", basic(`api:${key}`)]], [["Authorization", basic(`${key}:`)], ["Authorization", basic(`a:b:${key}`)]]],
];

test("the key is taken from there, and from nowhere else where the realm's headers are left out", async (t) => {
  for (const [location, good, bad] of PLACES) {
    const [only, beside] = [await made(t, { location, credentials: [] }), await made(t, { location })];
    const code = (verifier, headers) => verifier.verify({ method: "GET", url: "/", rawHeaders: ["Host", "h", ...headers] }).code;
    const what = JSON.stringify(location);
    for (const headers of good) {
      assert.deepEqual([code(only, headers), code(beside, headers)], ["valid", "valid"], `${what}: ${headers}`);
      assert.equal(code(beside, [...headers, "X-API-Key", key]), "invalid_request", `${what}: two, even if equal`);
    }
    for (const headers of bad) for (const verifier of [only, beside]) assert.equal(code(verifier, headers), "invalid_request", `${what}: ${headers}`);
    assert.deepEqual([code(only, ["X-API-Key", key]), code(only, ["Authorization", `Bearer ${key}`]), code(beside, ["X-API-Key", key])], ["missing", "missing", "valid"], what);
  }
});

test("fetch requests too, where two lines have been joined", async (t) => {
  const verifier = await made(t, { location: { header: "X-Acme-Key" }, credentials: [] });
  const ask = (...lines) => verifier.verify(new Request("https://h/", { headers: lines })).code;
  assert.deepEqual([ask(["X-Acme-Key", key]), ask(["X-Acme-Key", key], ["X-Acme-Key", key]), ask()], ["valid", "invalid_request", "missing"]);
});

test("replies challenge for that scheme, and caches tell responses apart by that header", async (t) => {
  const challenge = async (location) => (await made(t, { location })).verify(new Request("https://h/")).reply.headers["www-authenticate"];
  assert.deepEqual(await Promise.all([{ header: "x-a" }, { header: "authorization", scheme: "Token" }, { basic: "username" }].map(challenge)), ['Bearer realm="acme"', 'Token realm="acme"', 'Basic realm="acme"']);
  const verifier = await made(t, { location: { header: "X-Acme-Key" } });
  const VARY = "Authorization, X-API-Key, X-Acme-Key";
  const asked = new Request("https://h/", { headers: { "x-acme-key": key } });
  const fetched = await protect(() => new Response("x"), { verifier })(asked);
  assert.deepEqual([fetched.headers.get("vary"), fetched.headers.get("cache-control")], [VARY, "private"]);
  const publicly = await protect(() => new Response("x", { headers: { "cache-control": "public", vary: "Accept" } }), { verifier })(asked);
  assert.equal(publicly.headers.get("vary"), `Accept, ${VARY}`);

  const [own, usual] = [middleware({ verifier }), middleware({ verifier: await made(t, {}) })];
  const server = createServer((request, response) => (request.url === "/own" ? own : usual)(request, response, () => response.writeHead(200).end("x")));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const vary = async (path, headers) => (await fetch(`http://127.0.0.1:${server.address().port}${path}`, { headers })).headers.get("vary");
  for (let round = 0; round < 2; round++) assert.deepEqual([await vary("/own", { "x-acme-key": key }), await vary("/usual", { "x-api-key": key })], [VARY, "Authorization, X-API-Key"]);
});

test("what is no such place is refused when the verifier is made", async (t) => {
  const wrong = [
    {}, { scheme: "Token" }, { header: "" }, { header: "a b" }, { header: "a", scheme: "b c" }, { header: "a", schema: "b" }, { header: "a", basic: "username" }, { header: undefined }, { header: "a", scheme: undefined },
    { basic: undefined }, "x-a", null, [],
  ];
  for (const location of wrong) await assert.rejects(made(t, { location }), { name: "TypeError", code: "bad_option", message: /^location/ }, JSON.stringify(location));
  for (const location of [{ header: "x-api-key" }, { header: "Host" }, { header: "a", scheme: "Bearer" }, { header: "a:b" }, { basic: "user" }]) {
    await assert.rejects(made(t, { location }), { name: "UpdateError", code: "bad_config", message: /`location`: expected `header NAME`/ }, JSON.stringify(location));
  }
  await assert.rejects(made(t, { location: undefined }), { code: "bad_option", message: /location is undefined/ });
  await assert.rejects(made(t, { credentials: [] }), { code: "bad_option", message: /^credentials: / });
});
