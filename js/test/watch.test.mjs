import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer } from "node:http";
import test, { after } from "node:test";
import { promisify } from "node:util";
import { httpSource } from "../dist/index.js";

const requests = [];
let reply = () => {};
const server = createServer((request, response) => {
  requests.push(request);
  reply(request, response);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
after(() => (server.closeAllConnections(), server.close()));
const origin = `http://127.0.0.1:${server.address().port}`;
const base = `${origin}/r/acme`;

/** A head that came, and what came with it. */
const texts = ({ bytes, patch }) => [bytes, patch].filter((part) => part !== undefined).map((part) => Buffer.from(part).toString()).join(" + ");

/** Watches a source until that ends; what it said. */
async function watched(source, { signal = new AbortController().signal, ...asked } = {}) {
  const said = [];
  const hear = (name) => (value) => said.push(value === undefined ? name : [name, value.bytes ? texts(value) : value]);
  const ended = source.watch({ ...asked, signal, onHead: hear("head"), onIdle: hear("idle"), onRetry: hear("retry") });
  await ended.catch((error) => said.push(error.code ?? error.message));
  return said;
}

const event = (text) => `event: head\ndata: {"head":"${Buffer.from(text).toString("base64")}"}\n\n`;
const stream = (...parts) => (_, response) => {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
  for (const part of parts) response.write(part);
  response.end();
};
const fetching = (...args) => fetch(...args);

for (const [how, options] of [["detached", {}], ["by a given fetch", { fetch: fetching }]]) {
  test(`${how}: it says what it knows, and hands heads over until the source ends that`, async () => {
    reply = stream(": \nretry: 3000\n\n", event("one"), `event: other\ndata: x\n\n${event("two")}:`, "\n\n");
    const source = httpSource(`${base}?token=t`, { headers: { "x-extra": "1" }, ...options });
    const said = ["idle", ["retry", 3000], ["head", "one"], ["head", "two"], "idle"];
    assert.deepEqual(await watched(source, { epoch: 7 }), said);
    const { url, headers } = requests.at(-1);
    assert.deepEqual([url, headers.accept, headers["last-event-id"], headers["x-extra"]], ["/r/acme/stream?token=t", "text/event-stream", "7", "1"]);
    await watched(httpSource(base, options));
    assert.deepEqual([requests.at(-1).url, requests.at(-1).headers["last-event-id"]], ["/r/acme/stream", undefined]);
  });

  test(`${how}: a patch comes with its head; what is none costs the head nothing`, async () => {
    const [head, patch] = ["one", "steps"].map((text) => Buffer.from(text).toString("base64"));
    const events = [patch, "*", 7, null, {}, undefined].map((patch) => `event: head\ndata: ${JSON.stringify({ head, patch, later: 1 })}\n\n`);
    reply = stream(...events);
    const said = ["one + steps", ...Array(5).fill("one")].map((text) => ["head", text]);
    assert.deepEqual(await watched(httpSource(base, options)), said);
  });

  test(`${how}: what is no stream is told from one that is refused`, async () => {
    const source = httpSource(base, options);
    const html = { "content-type": "text/html" };
    for (const [status, headers, said] of [
      [404, {}, ["no_stream"]], [405, {}, ["no_stream"]], [501, {}, ["no_stream"]], [204, {}, ["no_stream"]], [200, html, ["no_stream"]], [200, {}, ["no_stream"]],
      [503, { "retry-after": "60" }, [["retry", 60_000], "http_status"]], [500, {}, ["http_status"]], [401, { "retry-after": "soon" }, ["http_status"]],
    ]) {
      reply = (_, response) => response.writeHead(status, headers).end();
      assert.deepEqual(await watched(source), said, `${status}`);
    }
  });

  test(`${how}: what nobody can read ends it`, async () => {
    const source = httpSource(base, options);
    for (const [part, code] of [
      ["event: head\ndata: x\n\n", "source"], ["event: head\ndata: {}\n\n", "source"], ["event: head\ndata: null\n\n", "source"], ['event: head\ndata: {"head":"*"}\n\n', "source"], ["x".repeat(1 << 18), "too_large"],
    ]) {
      reply = (request, response) => {
        stream(event("one"), part)(request, { writeHead: (...args) => response.writeHead(...args), write: (text) => response.write(text), end() {} });
      };
      const said = await watched(source);
      assert.deepEqual(said.filter((what) => what[0] !== "head"), [code]);
    }
  });

  test(`${how}: redirects are followed within the origin only, and the signal ends it`, async () => {
    const source = httpSource(base, { headers: { authorization: "Bearer t" }, ...options });
    reply = (request, response) => {
      if (request.url === "/r/acme/stream") response.writeHead(307, { location: "/elsewhere?signature=s" }).end();
      else stream(event("one"))(request, response);
    };
    assert.deepEqual(await watched(source), [["head", "one"]]);
    assert.deepEqual([requests.at(-1).url, requests.at(-1).headers.authorization], ["/elsewhere?signature=s", "Bearer t"]);
    reply = (_, response) => response.writeHead(302, { location: "http://127.0.0.2:1/" }).end();
    assert.deepEqual(await watched(source), ["redirect"]);
    const abort = new AbortController();
    reply = (request, response) => {
      stream(event("one"))(request, { writeHead: (...args) => response.writeHead(...args), write: (text) => response.write(text), end() {} });
      request.socket.once("close", () => requests.push("closed"));
      setTimeout(() => abort.abort(new Error("enough")), 50);
    };
    assert.deepEqual(await watched(source, { signal: abort.signal }), [["head", "one"], "enough"]);
    while (requests.at(-1) !== "closed") await new Promise((turn) => setTimeout(turn, 5));
  });
}

test("a stream that breaks is an error which repeats no header, token or query", async () => {
  reply = (request) => request.socket.destroy();
  for (const options of [{}, { fetch: fetching }]) {
    const source = httpSource(`${base}?token=secret-of-the-query`, { headers: { authorization: "secret-of-the-header" }, ...options });
    const error = await source.watch({ signal: new AbortController().signal }).catch((error) => error);
    assert.deepEqual([error.code, /secret/.test(`${error.message}${error.stack}`), /^unreachable: GET stream: /.test(error.message)], ["unreachable", false, true]);
  }
});

test("a stream keeps no program alive", async () => {
  reply = (_, response) => response.writeHead(200, { "content-type": "text/event-stream" }).write(event("one"));
  const program = `
    import { httpSource } from ${JSON.stringify(new URL("../dist/index.js", import.meta.url).href)};
    const awake = setTimeout(() => {}, 10_000); // until there is a stream
    const onHead = () => (console.log("head"), clearTimeout(awake));
    httpSource(${JSON.stringify(base)}).watch({ signal: new AbortController().signal, onHead, onIdle() {}, onRetry() {} });
    process.on("exit", () => console.log("ended"));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], { timeout: 20_000 });
  assert.equal(stdout, "head\nended\n");
});
