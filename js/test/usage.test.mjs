import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, request as send } from "node:http";
import test, { after } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startIngest } from "../../tests/runtimes/ingest.mjs";
import { createVerifier, staticSource } from "../dist/entry/node.js";
import { middleware } from "../dist/adapters/node.js";
import { eventWriter } from "../dist/usage/wire.js";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const fixture = JSON.parse(readFileSync(file("../../tests/runtimes/fixture.json")));
const { keys, start } = fixture;
const events = [];
const verifier = await createVerifier({
  root: fixture.roots[0],
  source: staticSource(Buffer.from(fixture.snapshots.first.bundle, "base64")),
  allowPreflight: true,
  now: () => (start + 10) * 1000,
  usage: { record: (event) => events.push(event), describe: (request) => ({ endpoint: request.route }) },
});
const ingest = await startIngest();
after(() => (verifier.close(), ingest.stop()));

/** Serves `handler` behind the middleware, sends one request, and returns the event that was recorded. */
async function ask(handler, { headers = ["X-API-Key", keys.plain], method = "GET", path = "/a?key=x", hangUp = false } = {}) {
  const guard = middleware({ verifier, requirement: ({ path: p }) => (p === "/admin" ? { permission: "cache.purge" } : {}) });
  const server = createServer((request, response) => guard(request, response, () => handler(request, response, () => outgoing.destroy())));
  let outgoing;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  events.length = 0;
  try {
    outgoing = send({ port: server.address().port, host: "127.0.0.1", path, method, headers: ["Host", "h", "Connection", "close", ...headers] });
    outgoing.on("error", () => {}).end();
    if (hangUp) await new Promise((resolve) => outgoing.on("close", resolve));
    else (await once(outgoing, "response"))[0].resume();
    await new Promise((resolve) => server.on("close", resolve).close());
    for (let turn = 0; turn < 100 && (events.length === 0 || turn < 3); turn++) await new Promise((next) => setTimeout(next, 5));
  } finally {
    server.closeAllConnections();
  }
  assert.equal(events.length, 1, "one event a request");
  return events[0];
}
const brief = ({ keyId, method, endpoint, ip, status, code }) => [keyId, method, endpoint, ip, status, code];

test("the middleware reports the status that was sent, however it came about", async () => {
  const plain = "key_00000000001";
  assert.deepEqual(brief(await ask((_, r) => r.end("x"))), [plain, "GET", "/a", "127.0.0.1", 200, "valid"]);
  assert.equal((await ask((_, r) => r.writeHead(418).end())).status, 418);
  assert.equal((await ask((_, r) => (r.writeEarlyHints({ link: "</x>; rel=preload" }), setTimeout(() => ((r.statusCode = 502), r.end()), 20)))).status, 502);
  assert.equal((await ask((_, r) => r.writeHead(204).end(), { method: "HEAD" })).method, "HEAD");
  assert.equal((await ask((_, r) => (r.writeHead(200), r.write("x"), setTimeout(() => r.destroy(), 20)))).status, 200);
  assert.equal((await ask((_request, _response, hangUp) => hangUp(), { hangUp: true })).status, 499);
  const routed = await ask((request, r) => ((request.route = "/a/:id"), r.end()));
  assert.equal(routed.endpoint, "/a/:id");
  const named = await ask((request, r) => (request.edgelatch.report({ endpoint: "/own/{id}", ip: "192.0.2.1" }), r.end()));
  assert.deepEqual(brief(named), [plain, "GET", "/own/{id}", "192.0.2.1", 200, "valid"]);
});

test("the middleware reports refusals and preflights", async () => {
  const never = () => assert.fail("the handler was reached");
  assert.deepEqual(brief(await ask(never, { headers: [] })), [undefined, "GET", "/a", "127.0.0.1", 401, "missing"]);
  assert.deepEqual(brief(await ask(never, { headers: ["X-API-Key", keys.revoked], method: "HEAD" })), ["key_00000000004", "HEAD", "/a", "127.0.0.1", 401, "revoked"]);
  assert.deepEqual(brief(await ask(never, { path: "/admin" })), ["key_00000000001", "GET", "/admin", "127.0.0.1", 403, "permission_denied"]);
  assert.equal((await ask(never, { headers: ["X-API-Key", keys.plain, "X-API-Key", keys.plain] })).status, 400);
  const preflight = { method: "OPTIONS", headers: ["Origin", "https://a.example", "Access-Control-Request-Method", "PUT"] };
  assert.deepEqual(brief(await ask((_, r) => r.writeHead(204).end(), preflight)), [undefined, "OPTIONS", "/a", "127.0.0.1", 204, "missing"]);
});

test("a request that two middlewares judge counts once: by the last verdict, and by what was said of the first", async () => {
  const judged = (requirement, handler) => (request, response) => middleware({ verifier, requirement })(request, response, () => handler(request, response));
  const named = (requirement) => (request, response) => {
    request.edgelatch.report({ endpoint: "/own" });
    judged(requirement, () => response.writeHead(201).end())(request, response);
  };
  const plain = "key_00000000001";
  assert.deepEqual(brief(await ask(named({}))), [plain, "GET", "/own", "127.0.0.1", 201, "valid"]);
  assert.deepEqual(brief(await ask(named({ permission: "cache.purge" }))), [plain, "GET", "/own", "127.0.0.1", 403, "permission_denied"]);
});

test("the address that is reported is the one that the verdict was based on", async () => {
  const [header, ...lines] = readFileSync(file("../../tests/vectors/ip_cases.tsv"), "utf8").trim().split("\n");
  const columns = header.split("\t");
  const rows = lines.map((line) => Object.fromEntries(line.split("\t").map((cell, i) => [columns[i], cell]))).filter(({ kind }) => kind === "clientip");
  assert.ok(rows.length >= 20);
  for (const { id, input, rule, expect, canonical } of rows) {
    const rawHeaders = [];
    const context = {};
    for (const part of input.replaceAll("\\t", "\t").split("|")) {
      const [, name, separator, value] = /^([^=:]*)([=:]) ?(.*)$/s.exec(part) ?? [];
      if (part.startsWith("PROXY ")) context.proxyLine = part;
      else if (separator === ":") rawHeaders.push(name, value);
      else if (separator === "=" && name !== "runtime" && value !== "undefined") context.peer = value;
    }
    const told = [];
    const options = { root: fixture.roots[0], source: staticSource(Buffer.from(fixture.snapshots.first.bundle, "base64")), clientIp: rule };
    const verifier = await createVerifier({ ...options, now: () => (start + 10) * 1000, usage: { record: (event) => told.push(event) } });
    verifier.verify({ method: "GET", url: "/", rawHeaders: ["Host", "h", ...rawHeaders] }, {}, context).report();
    verifier.close();
    assert.deepEqual(told.map(({ ip }) => ip), [expect === "DERIVED" ? canonical : undefined], `${id}: ${input}`);
  }
});

test("an address that the host does not know is not reported as the socket's", () => {
  const request = { method: "GET", url: "/", rawHeaders: ["Host", "h", "X-API-Key", keys.plain], socket: { remoteAddress: "192.0.2.8" } };
  events.length = 0;
  for (const context of [[], [{}], [{ peer: undefined }], [undefined], [{ ip: "192.0.2.7" }]]) verifier.verify(request, {}, ...context).report({ status: 200 });
  assert.deepEqual(events.map(({ ip }) => ip), ["192.0.2.8", "192.0.2.8", undefined, undefined, undefined]);
});

test("what is said of an address or a country goes before what is derived", () => {
  const event = (request, outcome = {}) => {
    events.length = 0;
    verifier.verify(request, {}, { peer: "192.0.2.9" }).report({ status: 200, ...outcome });
    return [events[0].ip, events[0].country];
  };
  const request = new Request("https://h/", { headers: { "x-forwarded-for": "192.0.2.2", "cf-connecting-ip": "192.0.2.3", "cf-ipcountry": "CH" } });
  assert.deepEqual(event(request), ["192.0.2.9", undefined]);
  assert.deepEqual(event(request, { ip: "192.0.2.1", country: "IT" }), ["192.0.2.1", "IT"]);
  request.cf = { country: "FR" };
  assert.deepEqual(event(request), ["192.0.2.9", "FR"]);
});

test("no part of an event can spoil its batch", () => {
  const base = { keyId: "key_00000000001", at: start, method: "GET", endpoint: "/", status: 200, code: "valid" };
  const of = (part) => JSON.parse(eventWriter()({ ...base, ...part }, "own-1"));
  const cases = [
    [{ keyId: keys.plain }, "key_id", undefined], [{ at: Number.NaN, code: "clock_invalid" }, "at", Math.floor(Date.now() / 10_000), (at) => Math.floor(at / 10)], [{ at: -1 }, "at", true, (at) => at > start],
    [{ method: "get" }, "method", "-"], [{ method: "A".repeat(21) }, "method", "-"], [{ method: "M-SEARCH" }, "method", "M-SEARCH"], [{ method: 7 }, "method", "-"],
    [{ endpoint: "" }, "endpoint", "-"], [{ endpoint: "?key=x" }, "endpoint", "-"], [{ endpoint: "/a#b" }, "endpoint", "/a"], [{ endpoint: "http://u:p@h/x?y" }, "endpoint", "/x"], [{ endpoint: "*" }, "endpoint", "*"],
    [{ endpoint: "/\n\0\u0085\ud800x" }, "endpoint", "/\ufffd\ufffd\ufffd\ufffdx"], [{ endpoint: `/${"é".repeat(600)}` }, "endpoint", `/${"é".repeat(511)}`], [{ endpoint: `/${"a".repeat(510)}😀` }, "endpoint", `/${"a".repeat(510)}\ufffd`],
    [{ ip: "::FFFF:192.0.2.1" }, "ip", "192.0.2.1"], [{ ip: "::ffff:c000:201" }, "ip", "::ffff:c000:201"], [{ ip: "2001:0DB8:0::1" }, "ip", "2001:db8::1"], [{ ip: "192.0.2.1:80" }, "ip", undefined],
    [{ ip: "192.0.2.01" }, "ip", undefined], [{ ip: "192.0.2" }, "ip", undefined], [{ ip: "192.0.2.1." }, "ip", undefined], [{ ip: "256.0.0.1" }, "ip", undefined], [{ ip: "fe80::1%eth0" }, "ip", undefined], [{ ip: "::1]/x?" }, "ip", undefined], [{ ip: ":" }, "ip", undefined], [{ ip: "0.0.0.0" }, "ip", "0.0.0.0"],
    [{ country: "ch" }, "country", undefined], [{ country: "XX" }, "country", undefined], [{ country: "T1" }, "country", "T1"], [{ status: 99 }, "status", 500], [{ status: 600 }, "status", 500], [{ status: "200" }, "status", 500],
    [{ event: "a b" }, "event", "own-1"], [{ event: "x".repeat(65) }, "event", "own-1"], [{ event: "ray" }, "event", "ray"],
  ];
  for (const [part, name, expected, view = (value) => value] of cases) assert.equal(view(of(part)[name]), expected, JSON.stringify(part));
  assert.equal(eventWriter()({ ...base, code: "no_such_code" }, "own-1"), undefined);
  assert.equal(eventWriter()(null, "own-1"), undefined);
  const write = eventWriter();
  for (const n of [...Array(3000).keys(), 0]) assert.equal(JSON.parse(write({ ...base, endpoint: `/${n}` }, "own-1")).endpoint, `/${n}`, "what is remembered is forgotten, never mixed up");
});

test("a program may end while events wait; close sends them first, and waits for a control plane that comes back", async () => {
  const program = (room, end) => `
    import { usageReporter } from ${JSON.stringify(new URL("../dist/entry/node.js", import.meta.url).href)};
    const usage = usageReporter({ url: "${ingest.url}/${room}", realm: "acme", key: "k" });
    usage.record({ at: ${start}, method: "GET", endpoint: "/", status: 200, code: "valid" });
    ${end}; console.log(JSON.stringify(usage.stats));`;
  const run = async (room, end) => JSON.parse((await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program(room, end)])).stdout);
  assert.deepEqual(await run("ok.ends", ""), { delivered: 0, dropped: 0, waiting: 1 });
  assert.deepEqual(await ingest.calls("ok.ends"), []);
  assert.deepEqual(await run("busy.closes", "await usage.close()"), { delivered: 1, dropped: 0, waiting: 0 });
  const seen = await ingest.calls("busy.closes");
  assert.deepEqual([seen.length, seen[0].body, seen[1].problem], [2, seen[1].body, undefined]);
});
