import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer, request as send } from "node:http";
import test, { after } from "node:test";
import { runInNewContext } from "node:vm";
import { ILL_FORMED, WELL_FORMED } from "../../tests/runtimes/requirements.mjs";
import { createVerifier, staticSource } from "../dist/entry/node.js";
import { middleware } from "../dist/adapters/node.js";

const fixture = JSON.parse(readFileSync(new URL("../../tests/runtimes/fixture.json", import.meta.url)));
const { keys, start } = fixture;
const verifier = await createVerifier({
  root: fixture.roots[0],
  source: staticSource(Buffer.from(fixture.snapshots.first.bundle, "base64")),
  clientIp: { trust: ["127.0.0.1"] },
  allowPreflight: true,
  now: () => (start + 10) * 1000,
});
after(() => verifier.close());

/** Serves `handler` behind the middleware and sends one request; `headers` is a flat list, so that lines can repeat. */
async function ask(handler, { headers = [], method = "GET", path = "/a", options = {}, before = () => {} } = {}) {
  const guard = middleware({ verifier, ...options });
  const server = createServer((request, response) => {
    before(request);
    guard(request, response, () => handler(request, response));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await new Promise((resolve, reject) => {
      const outgoing = send({ port: server.address().port, path, method, headers: ["Host", "h", "Connection", "close", ...headers] }, (reply) => {
        let body = "";
        reply.on("data", (chunk) => (body += chunk)).on("end", () => resolve({ status: reply.statusCode, headers: reply.headers, raw: reply.rawHeaders, body }));
      });
      outgoing.on("error", reject).end();
    });
  } finally {
    server.close();
  }
}
const plain = ["Authorization", `Bearer ${keys.plain}`];

test("an accepted request reaches the handler with its verdict", async () => {
  const reply = await ask((request, response) => response.end(`${request.edgelatch.keyId} ${request.edgelatch.roles}`), { headers: plain });
  assert.deepEqual([reply.status, reply.body], [200, "key_00000000001 reader"]);
  assert.deepEqual([reply.headers["cache-control"], reply.headers.vary], ["private", "Authorization, X-API-Key"]);
});

test("a refused one does not, and is answered in full", async () => {
  const refused = (options) => ask(() => assert.fail("the handler was reached"), options);
  const reply = await refused({});
  assert.deepEqual([reply.status, reply.headers["www-authenticate"], reply.headers["cache-control"]], [401, 'Bearer realm="acme"', "no-store"]);
  assert.equal(Number(reply.headers["content-length"]), reply.body.length);
  assert.equal(JSON.parse(reply.body).status, 401);
  assert.deepEqual([(await refused({ method: "HEAD" })).status, (await refused({ method: "HEAD" })).body], [401, ""]);
  assert.equal((await refused({ headers: [...plain, ...plain] })).status, 400);
  assert.equal((await refused({ headers: ["X-API-Key", keys.plain, "x-api-key", keys.plain] })).status, 400);
  assert.equal((await refused({ headers: plain, options: { requirement: { permission: "cache.purge" } } })).status, 403);
});

test("what is no requirement is answered as such, whatever it is", async () => {
  for (const [what, requirement] of ILL_FORMED) {
    for (const value of [requirement, () => requirement]) {
      const reply = await ask(() => assert.fail("the handler was reached"), { headers: plain, options: { requirement: value } });
      assert.deepEqual([what, reply.status, JSON.parse(reply.body).type], [what, 500, "urn:edgelatch:problem:bad-requirement"]);
    }
  }
  for (const [what, requirement] of WELL_FORMED) {
    assert.equal((await ask((_, response) => response.end(), { headers: plain, options: { requirement } })).status, 200, what);
  }
  for (const wrong of [{ verifier, requirements: {} }, Object.create({ verifier }), undefined]) assert.throws(() => middleware(wrong), { name: "TypeError", message: /^middleware: / });
});

test("a requirement of another realm counts by what it holds itself", () => {
  const code = (text) => verifier.verifyKey(keys.plain, runInNewContext(text)).code;
  assert.deepEqual([code("({})"), code('({ permission: "zone.view" })'), code('({ permission: "cache.purge" })')], ["valid", "valid", "permission_denied"]);
  assert.deepEqual([code("({ permission: undefined })"), code("[]"), code("new Map()"), code('Object.create({ permission: "zone.view" })')], Array(4).fill("bad_requirement"));
  assert.equal(code('Object.prototype.permission = "cache.purge"; Object.prototype.ip = "x"; ({})'), "valid");
});

test("after two hours in which nobody asked, the first request is answered by what the source says by then", async () => {
  const objects = (name) => Object.fromEntries(["head", "bundle"].map((part) => [part, { bytes: Buffer.from(fixture.snapshots[name][part], "base64") }]));
  for (const mode of ["timer", "demand"]) {
    let [shown, refreshes] = [objects("first"), 0];
    const source = { head: async () => (refreshes++, shown.head), bundle: async () => shown.bundle };
    const verifier = await createVerifier({ root: fixture.roots[0], source, refresh: { mode }, now: () => (start + fixture.life / 2 + 10) * 1000 });
    const status = async () => (await ask((_, response) => response.end(), { headers: ["X-API-Key", keys.leaving], options: { verifier } })).status;
    assert.equal(await status(), 200);
    shown = objects("second");
    const { now } = Date;
    Date.now = () => now() + 7_200_000;
    try {
      assert.deepEqual([mode, await status(), await status(), refreshes], [mode, 401, 401, 2]);
    } finally {
      Date.now = now;
      verifier.close();
    }
  }
});

test("who answered while a refresh was waited for is not answered over", async () => {
  let found;
  const source = { bundle: () => new Promise((resolve) => (found = resolve)) };
  const cold = await createVerifier({ root: fixture.roots[0], source, refresh: { mode: "demand" } });
  const guard = middleware({ verifier: cold });
  let judged;
  const server = createServer((request, response) => {
    judged = guard(request, response, () => assert.fail("the handler was reached"));
    response.writeHead(504).end("too late");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const reply = await fetch(`http://127.0.0.1:${server.address().port}/`, { headers: { connection: "close" } });
    found(undefined);
    await judged;
    assert.deepEqual([reply.status, await reply.text()], [504, "too late"]);
  } finally {
    server.close();
    cold.close();
  }
});

test("forged identity headers are gone from every view of the request", async () => {
  const forged = ["X-Edgelatch-Key-Id", "key_forged", "x-edgelatch-org", "root", "X_Edgelatch_Owner", "root", "X-Other", "1"];
  const seen = (request) => JSON.stringify([request.headers, request.headersDistinct, request.rawHeaders]);
  for (const before of [() => {}, seen, (request) => void request.headers]) {
    const reply = await ask((request, response) => response.end(seen(request)), { headers: [...forged, ...plain], before });
    assert.equal(reply.status, 200);
    assert.doesNotMatch(reply.body, /edgelatch/i);
    assert.match(reply.body, /"x-other":"1".*"x-other":\["1"\].*"X-Other","1"/);
  }
});

test("the client address comes from the socket, or by rule from a header", async () => {
  const from = async (...lines) => (await ask((_, response) => response.end(), { headers: ["Authorization", `Bearer ${keys.office}`, ...lines] })).status;
  assert.equal(await from(), 403);
  assert.equal(await from("X-Forwarded-For", "198.51.100.9"), 200);
  assert.equal(await from("X-Forwarded-For", "198.51.100.9, 203.0.113.1"), 403);
  assert.equal(await from("X-Real-IP", "198.51.100.9"), 403);
});

test("whatever way the handler sets headers, the credential is varied on and its choice of caching stays", async () => {
  const cases = [
    [(r) => r.end(), "private", "Authorization, X-API-Key"],
    [(r) => r.writeHead(200, { "Cache-Control": "public", Vary: "Accept" }).end(), "public", "Accept, Authorization, X-API-Key"],
    [(r) => r.writeHead(200, "Fine", { vary: ["Accept", "x-api-key"] }).end(), "private", "Accept, x-api-key, Authorization"],
    [(r) => r.writeHead(200, ["Vary", "*", "Set-Cookie", "a", "Set-Cookie", "b"]).end(), "private", "*"],
    [(r) => (r.setHeader("Vary", ["Accept", "Origin"]), r.setHeader("Cache-Control", "max-age=1"), r.end()), "max-age=1", "Accept, Origin, Authorization, X-API-Key"],
    [(r) => (r.flushHeaders(), r.end()), "private", "Authorization, X-API-Key"],
    [(r) => (r.write("x"), r.end()), "private", "Authorization, X-API-Key"],
  ];
  for (const [write, caching, vary] of cases) {
    const reply = await ask((_, response) => write(response), { headers: plain });
    assert.deepEqual([reply.status, reply.headers["cache-control"], reply.headers.vary], [200, caching, vary], write.toString());
    if (vary === "*") assert.deepEqual(reply.headers["set-cookie"], ["a", "b"]);
  }
});

test("a preflight passes without an identity", async () => {
  const headers = ["Origin", "https://a.example", "Access-Control-Request-Method", "PUT"];
  const reply = await ask((request, response) => response.end(String(request.edgelatch.ok)), { method: "OPTIONS", headers });
  assert.deepEqual([reply.status, reply.body], [200, "false"]);
});

test("inside a mounted router the whole path counts", async () => {
  const paths = [];
  const options = { requirement: ({ path }) => (paths.push(path), {}) };
  const before = (request) => Object.assign(request, { originalUrl: request.url, url: "/inner" });
  assert.equal((await ask((_, response) => response.end(), { headers: plain, path: "/mount/%69nner?x", options, before })).status, 200);
  assert.deepEqual(paths, ["/mount/inner"]);
});

test("a path that routers read each in its way is no path for a requirement function", () => {
  const code = (url) => verifier.verify({ method: "GET", url, rawHeaders: ["x-api-key", keys.plain] }, () => ({})).code;
  for (const url of ["//x/admin", "/admin/../x", "/admin/%2e%2e/x", "/./admin"]) assert.equal(code(url), "invalid_request", url);
});

test("a request whose header lines Node may have cut off is refused", () => {
  const rawHeaders = ["x-api-key", keys.plain];
  const code = (lines) => verifier.verify({ method: "GET", url: "/", rawHeaders: [...rawHeaders, ...Array(2 * lines).fill("a")] }).code;
  assert.notEqual(code(900), "invalid_request");
  assert.equal(code(1000), "invalid_request");
});

test("writeHead without a reason keeps its headers", async () => {
  const handler = (_, response) => response.writeHead(200, undefined, { "cache-control": "no-store", "x-own": "1" }).end();
  const reply = await ask(handler, { headers: plain });
  assert.deepEqual([reply.headers["cache-control"], reply.headers["x-own"]], ["no-store", "1"]);
});

test("without the middleware the socket is asked too", () => {
  const request = { method: "GET", url: "/", rawHeaders: ["x-api-key", keys.office], socket: { remoteAddress: "::ffff:198.51.100.9" } };
  assert.equal(verifier.verify(request).code, "valid");
  assert.equal(verifier.verify({ ...request, socket: { remoteAddress: undefined } }).code, "ip_unknown");
  assert.equal(verifier.verify({ ...request, socket: null }).code, "ip_unknown");
  assert.equal(verifier.verify(request, {}, { peer: "203.0.113.1" }).code, "ip_denied");
});

test("what is not a request is refused", () => {
  for (const nothing of [{}, null, undefined, { rawHeaders: null }, { headers: {} }]) assert.equal(verifier.verify(nothing).code, "internal");
  const smuggled = { method: "GET", url: "/", rawHeaders: ["Host", "h", "X-API-Key", `x\nauthorization:Bearer ${keys.plain}`], socket: {} };
  assert.equal(verifier.verify(smuggled).code, "invalid_request");
  for (const peer of ["198.51.100.9\nGET /", "198.51.100.9\tPROXY"]) {
    assert.equal(verifier.verify({ ...smuggled, rawHeaders: ["x-api-key", keys.office] }, {}, { peer }).ok, false);
  }
});
