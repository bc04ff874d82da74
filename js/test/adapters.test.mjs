// What an adapter must not do even where a program helps it to: the handler is reached by accepted requests only.
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import test, { after } from "node:test";
import { check as fastifyCheck } from "../dist/adapters/fastify.js";
import { check as hapiCheck } from "../dist/adapters/hapi.js";
import { check as honoCheck } from "../dist/adapters/hono.js";
import { middleware, upgrade } from "../dist/adapters/node.js";
import { createVerifier, staticSource } from "../dist/entry/node.js";

const { keys, roots, snapshots, start } = JSON.parse(readFileSync(new URL("../../tests/runtimes/fixture.json", import.meta.url)));
const common = { root: roots[0], source: staticSource(Buffer.from(snapshots.first.bundle, "base64")), now: () => (start + 10) * 1000 };
const verifier = await createVerifier(common);
after(() => verifier.close());

const incoming = (key) => ({ method: "GET", url: "/", rawHeaders: ["Host", "h", ...(key === undefined ? [] : ["X-API-Key", keys[key]])], headers: {}, socket: { remoteAddress: "198.51.100.9" } });
const outgoing = () => Object.assign(new EventEmitter(), { statusCode: 200, headersSent: false, writableEnded: false, setHeader() {}, writeHead() {} });

test("Hapi: a `refuse` that says `continue` does not let the request pass", async () => {
  const made = (body) => ({ body, headers: {}, code(status) { this.status = status; }, header(name, value) { this.headers[name] = value; }, takeover() { return { ...this, taken: true }; } });
  const h = { continue: Symbol("continue"), abandon: Symbol("abandon"), close: Symbol("close"), response: made };
  const ask = (refuse, key) => hapiCheck({ verifier, refuse })({ raw: { req: incoming(key), res: outgoing() }, plugins: {} }, h);
  for (const answer of [h.continue, Symbol("other"), undefined]) {
    const { taken, status } = await ask(() => answer);
    assert.deepEqual([taken, status], [true, 401]);
  }
  const own = await ask(() => "own");
  assert.deepEqual([own.taken, own.body, own.headers["cache-control"]], [true, "own", "no-store"]);
  assert.equal(await ask(() => h.abandon), h.abandon);
  await assert.rejects(ask(() => new Error("boom")), /boom/);
  assert.equal(await ask(() => "own", "plain"), h.continue);
});

test("Node: an error goes to a framework's `next` alone; a callback that might be the handler is not called", async () => {
  const failing = middleware({ verifier: async () => { throw new Error("no verifier"); } });
  const reached = () => assert.fail("the handler was reached");
  await assert.rejects(failing(incoming("plain"), outgoing(), reached), /no verifier/);
  await assert.rejects(failing(incoming("plain"), outgoing(), reached.bind(null)), /no verifier/);
  const told = [];
  await failing(incoming("plain"), outgoing(), function next(error) { told.push(error.message); });
  const route = middleware({ verifier, refuse: () => { throw "route"; } });
  await route(incoming(), outgoing(), function next(error) { told.push(error instanceof Error && error.message); });
  assert.deepEqual(told, ["no verifier", "route"], "Express takes the text `route` for leave to go on");
});

test("Fastify: what is thrown is handed on as an error, and never as leave to go on", async () => {
  const hook = (options) => new Promise((resolve) => fastifyCheck(options)({ raw: incoming(), originalUrl: "/" }, { raw: outgoing(), sent: false }, resolve));
  for (const thrown of [undefined, null, "text"]) assert.ok((await hook({ verifier, refuse: () => { throw thrown; } })) instanceof Error);
  assert.ok((await hook({ verifier: async () => { throw undefined; } })) instanceof Error);
});

test("Hono: method and path are those that it routes by, and a binding of any name is no connection", async () => {
  const asked = async (env, raw = new Request("https://h/b", { method: "DELETE", headers: { "x-api-key": keys.office } })) => {
    let seen;
    const c = { env, req: { raw }, res: new Response(""), get: () => undefined, set() {}, header() {}, get executionCtx() { throw new Error("none"); } };
    const response = await honoCheck({ verifier, requirement: (info) => ((seen = `${info.method} ${info.path}`), {}) })(c, async () => {});
    return [response?.status ?? 200, seen];
  };
  // Method overrides and the like give the application another request on the same connection.
  assert.deepEqual(await asked({ incoming: { ...incoming("office"), url: "/a" } }), [200, "DELETE /b"]);
  assert.deepEqual(await asked({ remoteAddr: { hostname: "198.51.100.9" } }), [200, "DELETE /b"]);
  const stub = new Proxy(() => stub, { get: (_, name) => (name === "then" ? undefined : stub) });
  for (const env of [undefined, {}, { server: stub }, { remoteAddr: "198.51.100.9" }, { incoming: { rawHeaders: "x" } }]) assert.deepEqual(await asked(env), [403, "DELETE /b"]);
});

test("upgrades: refused ones are answered and closed, and a client that leaves meanwhile ends nothing", async () => {
  const asked = async (options, key, meanwhile = () => {}) => {
    const socket = new PassThrough();
    const accepted = [];
    const done = upgrade({ verifier, ...options })(incoming(key), socket, (verdict) => accepted.push(verdict.code));
    meanwhile(socket);
    await done;
    return [accepted.join(), socket.read()?.toString().split("\r\n")[0], socket.listenerCount("error")];
  };
  assert.deepEqual(await asked({}, "plain"), ["valid", undefined, 0]);
  assert.deepEqual((await asked({}, "stranger")).slice(0, 2), ["", "HTTP/1.1 401 Unauthorized"]);
  assert.deepEqual((await asked({ refuse: () => undefined })).slice(0, 2), ["", "HTTP/1.1 401 Unauthorized"]);
  assert.deepEqual((await asked({ verifier: async () => verifier }, "plain", (socket) => socket.destroy(new Error("reset"))))[0], "", "the socket is gone");
  await assert.rejects(asked({ refuse: () => ({ status: 401, headers: { a: "b\r\nc: d" }, body: "" }) }), /line break/);
  await assert.rejects(asked({ verifier: async () => { throw new Error("no verifier"); } }, "plain"), /no verifier/);
});
