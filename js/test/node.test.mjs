import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { EventEmitter } from "node:events";
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
async function ask(handler, { headers = [], method = "GET", path = "/a", options = {}, before = () => {}, wrap = () => {} } = {}) {
  const guard = middleware({ verifier, ...options });
  const server = createServer((request, response) => {
    before(request);
    wrap(response);
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
  const head = await refused({ method: "HEAD" });
  assert.deepEqual([head.status, head.body, head.headers["content-length"]], [401, "", undefined], "a length would be that of the reply to GET");
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

test("a request whose adapter leaves raw lines empty is read by its headers, and has no forged identity either", async () => {
  const view = (headers) => ({ method: "GET", url: "/", rawHeaders: [], headers: { host: "h", ...headers } });
  const code = (headers) => verifier.verify(view(headers)).code;
  assert.equal(code({ authorization: `Bearer ${keys.plain}` }), "valid");
  assert.equal(code({ "X-Api-Key": [keys.plain] }), "valid");
  assert.equal(code({ "x-api-key": [keys.plain, keys.plain] }), "invalid_request");
  assert.equal(code({ "x-api-key": `${keys.plain}, ${keys.plain}` }), "invalid_request");
  assert.equal(code({ "x-api-key": keys.plain, authorization: `Bearer ${keys.plain}` }), "invalid_request");
  assert.equal(code({ "x-api-key": undefined }), "missing");
  assert.equal(code({ "x-api-key": `x\nauthorization:Bearer ${keys.plain}` }), "invalid_request");
  for (const wrong of [{ "x-api-key": 7 }, { "x-api-key": [{}] }]) assert.equal(code(wrong), "internal");
  assert.equal(verifier.verify(Object.create(view({ "x-api-key": keys.plain }))).code, "valid", "of the class");
  assert.equal(verifier.verify({ method: "GET", url: "/", rawHeaders: ["host", "h"], headers: { "x-api-key": keys.plain } }).code, "missing", "what was received counts");
  const given = Object.assign(view({ authorization: `Bearer ${keys.plain}`, "x-edgelatch-org": "root", x_edgelatch_owner: "root" }), { socket: {} });
  let reached = false;
  middleware({ verifier })(given, { on() {}, writeHead() {}, headersSent: false }, () => (reached = true));
  assert.deepEqual([reached, Object.keys(given.headers)], [true, ["host", "authorization"]]);
});

test("a requirement function that asks for other verdicts changes nothing in the one that it is for", () => {
  const request = (key, path = "/a") => ({ method: "GET", url: path, rawHeaders: ["host", "h", "x-api-key", keys[key]] });
  const trick = new Proxy({}, { getPrototypeOf: () => { throw new Error("trick"); } });
  const others = [
    () => verifier.verify(request("plain"), {}), () => verifier.verify(request("plain"), () => ({})), () => verifier.verifyKey(keys.plain, { permission: `p${Math.random()}`.replace(".", "") }),
    () => verifier.verify(request("plain"), () => trick), () => verifier.verify(request("plain", "/%zz"), () => ({})), () => verifier.verify({}, () => ({})),
  ];
  for (const other of others) {
    const answer = (key) => verifier.verify(request(key, "/%61"), ({ path }) => (other(), { permission: path === "/a" ? "zone.view" : "none" })).code;
    assert.deepEqual([answer("revoked"), answer("stranger"), answer("plain")], ["revoked", "unknown", "valid"], other.toString());
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
    [(r) => r.writeHead(200, { "Set-Cookie": ["a", "b"], "X-Own": "1" }).end(), "private", "Authorization, X-API-Key"],
    [(r) => r.writeHead(200, ["Set-Cookie", "a", "Set-Cookie", "b", "X-Own", "1"]).end(), "private", "Authorization, X-API-Key"],
    [(r) => r.writeHead(200, [["Set-Cookie", "a"], ["Set-Cookie", "b"], ["X-Own", "1"]]).end(), "private", "Authorization, X-API-Key"],
    [(r) => r.writeHead(200, [["Set-Cookie", "a"], ["VARY", "Accept"], ["Set-Cookie", "b"], ["X-Own", "1"]]).end(), "private", "Accept, Authorization, X-API-Key"],
    [(r) => (r.setHeader("Set-Cookie", ["a", "b"]), r.writeHead(200, { "X-Own": "1" }).end()), "private", "Authorization, X-API-Key"],
    [(r) => (r.appendHeader("Set-Cookie", ["a", "b"]).appendHeader("Vary", "Accept").appendHeader("vary", "Origin"), r.setHeader("X-Own", "1"), r.end()), "private", "Accept, Origin, Authorization, X-API-Key"],
    [(r) => (r.appendHeader("Cache-Control", "no-cache").appendHeader("Cache-Control", "max-age=0"), r.end()), "no-cache, max-age=0", "Authorization, X-API-Key"],
  ];
  for (const [write, caching, vary] of cases) {
    const reply = await ask((_, response) => write(response), { headers: plain });
    assert.deepEqual([reply.status, reply.headers["cache-control"], reply.headers.vary], [200, caching, vary], write.toString());
    if (vary === "*" || write.toString().includes("X-Own")) assert.deepEqual(reply.headers["set-cookie"], ["a", "b"], write.toString());
    if (write.toString().includes("X-Own")) assert.equal(reply.headers["x-own"], "1", write.toString());
  }
});

test("a response that two middlewares have seen, or that somebody else watches too, says it once", async () => {
  const again = middleware({ verifier });
  const twice = await ask((request, response) => again(request, response, () => response.end()), { headers: plain });
  assert.deepEqual([twice.headers["cache-control"], twice.headers.vary], ["private", "Authorization, X-API-Key"]);
  const seen = [];
  const watch = (response) => {
    const { writeHead } = response;
    response.writeHead = (...args) => (seen.push(response.getHeader("vary")), writeHead.apply(response, args));
  };
  const handler = (_, response) => (watch(response), response.setHeader("Vary", "Accept"), response.end());
  const outside = await ask((_, response) => response.end(), { headers: plain, wrap: watch });
  const inside = await ask(handler, { headers: plain });
  assert.deepEqual([outside.headers.vary, inside.headers.vary, seen], ["Authorization, X-API-Key", "Accept, Authorization, X-API-Key", [undefined, "Accept"]]);
});

/** As `on-headers` does it, by which `compression` and others learn of headers: an array is read as pairs, whatever it is. */
function wrapped(response) {
  const { writeHead } = response;
  response.writeHead = function (status, headers) {
    if (Array.isArray(headers)) for (const pair of headers) this.setHeader(pair[0], pair[1]);
    else for (const [name, value] of Object.entries(headers ?? {})) this.setHeader(name, value);
    return writeHead.call(this, status);
  };
}

test("behind what wraps a response for itself, caches are told all the same", async () => {
  for (const handler of [(_, response) => response.end(), (_, response) => response.writeHead(200, { "X-Own": "1" }).end()]) {
    const { headers } = await ask(handler, { headers: plain, wrap: wrapped });
    assert.deepEqual([headers["cache-control"], headers.vary], ["private", "Authorization, X-API-Key"]);
  }
});

test("a response that is finished but never closed, as serverless adapters make them, is reported", async () => {
  const events = [];
  const reporting = await createVerifier({
    root: fixture.roots[0],
    source: staticSource(Buffer.from(fixture.snapshots.first.bundle, "base64")),
    now: () => (start + 10) * 1000,
    usage: { record: (event) => void events.push(event) },
  });
  const response = new EventEmitter();
  Object.assign(response, { headersSent: true, statusCode: 204, writeHead: () => response, hasHeader: () => false });
  const request = { method: "GET", url: "/a", headers: {}, rawHeaders: plain, socket: { remoteAddress: "198.51.100.7" } };
  middleware({ verifier: reporting })(request, response, () => {});
  response.emit("finish");
  response.emit("close");
  assert.deepEqual(events.map(({ keyId, status }) => [keyId, status]), [["key_00000000001", 204]]);
  reporting.close();
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
  assert.equal(verifier.verify({ method: "GET", url: "/", rawHeaders: null }).code, "internal");
  const smuggled = { method: "GET", url: "/", rawHeaders: ["Host", "h", "X-API-Key", `x\nauthorization:Bearer ${keys.plain}`], socket: {} };
  assert.equal(verifier.verify(smuggled).code, "invalid_request");
  for (const peer of ["198.51.100.9\nGET /", "198.51.100.9\tPROXY"]) {
    assert.equal(verifier.verify({ ...smuggled, rawHeaders: ["x-api-key", keys.office] }, {}, { peer }).ok, false);
  }
});

test("what is given as a request and is none is a fault of the program, and the error says what to give", async () => {
  const errors = [];
  const told = await createVerifier({ root: fixture.roots[0], source: staticSource(Buffer.from(fixture.snapshots.first.bundle, "base64")), onError: (error) => errors.push(error) });
  after(() => told.close());
  const message = (given) => {
    errors.length = 0;
    const verdict = told.verify(given);
    assert.deepEqual([verdict.ok, verdict.code, verdict.reply.status, errors.length, errors[0]?.code], [false, "bad_requirement", 500, 1, "bad_request_object"]);
    return errors[0].message;
  };
  for (const nothing of [{}, null, undefined, "", 7, { headers: {} }, { headers: { get: "x" }, url: "/" }, { url: "/", headers: null }]) assert.match(message(nothing), /no request; give a fetch Request/);
  const [node, fetched] = [{ rawHeaders: [], method: "GET", url: "/" }, new Request("https://h/")];
  const places = [[{ raw: node }, ".raw"], [{ req: node }, ".req"], [{ req: { raw: fetched } }, ".req.raw"], [{ raw: { req: node } }, ".raw.req"], [{ node: { req: node } }, ".node.req"], [{ request: fetched }, ".request"], [{ req: fetched }, ".req"]];
  for (const [given, place] of places) assert.ok(message(given).endsWith(`\`${place}\``), place);
  assert.equal((await told.check(undefined)).code, "bad_requirement");
});
