// What a real Node server does with header lines before the middleware sees them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer, request as send } from "node:http";
import { connect, createServer as createServer2 } from "node:http2";
import test, { after } from "node:test";
import { createVerifier, staticSource } from "../dist/entry/node.js";
import { middleware } from "../dist/adapters/node.js";

const fixture = JSON.parse(readFileSync(new URL("../../tests/runtimes/fixture.json", import.meta.url)));
const { keys, start } = fixture;
const verifier = await createVerifier({
  root: fixture.roots[0],
  source: staticSource(Buffer.from(fixture.snapshots.first.bundle, "base64")),
  clientIp: { trust: ["127.0.0.1"] },
  now: () => (start + 10) * 1000,
});
after(() => verifier.close());
const guard = middleware({ verifier });

/** Runs `use` while a server listens. */
async function serving(server, use) {
  server.on("request", (request, response) => guard(request, response, () => response.end()));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await use(server.address().port);
  } finally {
    server.close();
  }
}

/** The status of a request with these header lines, to a server that keeps `limit` of them. */
function status(limit, lines) {
  const server = createServer({ maxHeaderSize: 1 << 17 });
  if (limit !== undefined) server.maxHeadersCount = limit;
  const headers = ["Host", "h", "Connection", "close", ...lines];
  return serving(server, (port) => new Promise((resolve, reject) => {
    send({ port, headers }, (reply) => resolve(reply.resume().statusCode)).on("error", reject).end();
  }));
}
const filler = (lines) => Array.from({ length: lines }, (_, n) => [`a${n}`, ""]).flat();
const office = ["Authorization", `Bearer ${keys.office}`];
const forged = ["X-Forwarded-For", "198.51.100.9"];
const appended = ["X-Forwarded-For", "203.0.113.1"];

test("what a proxy appended cannot be pushed over Node's limit", async () => {
  assert.equal(await status(undefined, [...office, ...forged]), 200);
  assert.equal(await status(undefined, [...office, ...forged, ...appended]), 403);
  for (const limit of [50, 10, 500, 1000, undefined, null]) {
    assert.equal(await status(limit, [...office, ...forged, ...filler(limit ?? 1000), ...appended]), 400, `limit ${limit}`);
  }
  for (const limit of [0, -1, 2 ** 30, 1200]) {
    assert.equal(await status(limit, [...office, ...forged, ...filler(1000), ...appended]), 403, `limit ${limit}`);
  }
});

test("nor a second credential, or a second Host", async () => {
  assert.equal(await status(50, [...office, ...forged, ...filler(60), ...office]), 400);
  assert.equal(await status(50, [...office, ...forged, ...filler(60), "Host", "i"]), 400);
});

test("below the limit nothing changes", async () => {
  for (const [limit, lines] of [[50, 45], [50, 40], [undefined, 900], [0, 1500]]) {
    assert.equal(await status(limit, [...office, ...forged, ...filler(lines)]), 200, `${lines} of ${limit}`);
  }
});

test("a server that cannot be asked has Node's default", () => {
  const code = (lines, socket) => verifier.verify({ method: "GET", url: "/", rawHeaders: ["x-api-key", keys.plain, ...filler(lines)], socket }).code;
  for (const socket of [undefined, null, {}, { server: undefined }, { server: {} }, { server: { maxHeadersCount: "5" } }]) {
    assert.deepEqual([code(998, socket), code(999, socket)], ["valid", "invalid_request"]);
  }
});

test("HTTP/2 tells caches too, whatever way the handler sets headers", async () => {
  const ends = [(r) => r.end(), (r) => r.writeHead(200, { "x-own": "1" }).end("x"), (r) => r.writeHead(200, ["x-own", "1", "x-own", "2"]).end(), (r) => (r.setHeader("x-own", "1"), r.flushHeaders(), r.end())];
  for (const end of ends) {
    const server = createServer2((request, response) => guard(request, response, () => end(response)));
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    const session = connect(`http://127.0.0.1:${server.address().port}`);
    const stream = session.request({ ":path": "/", "x-api-key": keys.plain });
    const reply = await new Promise((resolve, reject) => stream.on("response", resolve).on("error", reject).resume().end());
    session.destroy();
    server.close();
    assert.deepEqual([reply["cache-control"], reply.vary], ["private", "Authorization, X-API-Key"], end.toString());
  }
});

/** The status of an HTTP/2 request, or the code of the stream's error. */
function status2(headers) {
  return serving(createServer2(), (port) => new Promise((resolve) => {
    const session = connect(`http://127.0.0.1:${port}`);
    const stream = session.request({ ":path": "/", ...headers, "x-api-key": keys.plain });
    stream.on("response", (reply) => resolve(reply[":status"])).on("error", (error) => resolve(error.code));
    stream.on("close", () => session.destroy()).resume().end();
  }));
}

test("the authority of HTTP/2 is a Host line", async () => {
  assert.equal(await status2({}), 200);
  assert.equal(await status2({ ":authority": "h:443" }), 200);
  assert.equal(await status2({ ":authority": "h:443", host: "h:443" }), 200);
  for (const authority of ["u:p@h", "u@h", "127.1", "h:80:80", ".h"]) assert.equal(await status2({ ":authority": authority }), 400, authority);
  for (const host of ["i", "H", "h:443", "u@h"]) assert.equal(await status2({ ":authority": "h", host }), 400, host);
});
