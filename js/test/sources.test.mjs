import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import test, { after } from "node:test";
import { gzipSync } from "node:zlib";
import { httpSource, staticSource } from "../dist/index.js";
import { directorySource, fileSource } from "../dist/sources/file.js";

const signal = new AbortController().signal;
const requests = [];
let reply = () => {};
const server = createServer((request, response) => {
  requests.push(request);
  reply(request, response);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
after(() => server.close());
const base = `http://127.0.0.1:${server.address().port}/r/acme`;

/** All of a bundle, whole or on its way. */
async function all(reply) {
  if (reply.bytes) return Buffer.from(reply.bytes).toString();
  const pieces = [];
  for await (const piece of reply.stream) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

test("http: asks below the base, with the tag, and 304 means as before", async () => {
  reply = (request, response) => {
    if (request.headers["if-none-match"] === '"a"') response.writeHead(304).end();
    else response.writeHead(200, { etag: '"a"' }).end("head bytes");
  };
  const source = httpSource(`${base}?token=t`, { headers: { "x-extra": "1" } });
  const found = await source.head({ signal });
  assert.deepEqual([Buffer.from(found.bytes).toString(), found.etag], ["head bytes", '"a"']);
  assert.equal(requests.at(-1).url, "/r/acme/head?token=t");
  assert.equal(requests.at(-1).headers["x-extra"], "1");
  assert.equal(await source.head({ signal, etag: '"a"' }), undefined);
  const bundle = await source.bundle({ signal });
  assert.deepEqual([await all(bundle), bundle.etag], ["head bytes", '"a"']);
  assert.equal(requests.at(-1).url, "/r/acme/bundle?token=t");
  assert.equal(await source.bundle({ signal, etag: '"a"' }), undefined);
  await source.root(7, { signal });
  assert.equal(requests.at(-1).url, "/r/acme/root/7?token=t");
  assert.equal(Buffer.from(await source.patch("f".repeat(64), "0".repeat(64), { signal })).toString(), "head bytes");
  assert.equal(requests.at(-1).url, `/r/acme/patch/${"0".repeat(64)}/${"f".repeat(64)}?token=t`);
  assert.equal(Buffer.from(await source.object("f".repeat(64), { signal })).toString(), "head bytes");
  assert.equal(requests.at(-1).url, `/r/acme/objects/${"f".repeat(64)}?token=t`);
});

test("http: other answers are errors that say what answered", async () => {
  const source = httpSource(base);
  for (const status of [204, 304, 404, 500, 503]) {
    reply = (_, response) => response.writeHead(status).end();
    await assert.rejects(source.bundle({ signal }), { code: "http_status", message: new RegExp(`GET bundle answered ${status}`) });
  }
  reply = (_, response) => response.writeHead(404).end();
  const absent = [source.root(2, { signal }), source.patch("a", "b", { signal }), source.object("a", { signal })];
  assert.deepEqual(await Promise.all(absent), [undefined, undefined, undefined]);
});

test("http: a bundle that is on its way is bounded, can be left, and tells why it broke without what is not for logs", async () => {
  let closed;
  const open = new Promise((resolve) => (closed = resolve));
  reply = (_, response) => {
    response.on("close", closed);
    response.writeHead(200);
    response.write("12345");
  };
  const left = await httpSource(base).bundle({ signal });
  for await (const piece of left.stream) {
    assert.equal(Buffer.from(piece).toString(), "12345");
    break;
  }
  await open;
  reply = (_, response) => {
    response.writeHead(200);
    response.write("12345");
    setTimeout(() => response.destroy(), 20);
  };
  const secret = "s3cret-token";
  const broken = await httpSource(`${base}?token=${secret}`, { headers: { authorization: secret } }).bundle({ signal });
  await assert.rejects(all(broken), (error) => error.code === "unreachable" && error.message.includes("GET bundle: ") && !error.message.includes(secret));
  const abort = new AbortController();
  reply = (_, response) => (response.writeHead(200), response.write("12345"), setTimeout(() => abort.abort(new Error("enough")), 20));
  await assert.rejects(all(await httpSource(base).bundle({ signal: abort.signal })), /enough/);
});

test("http: a large bundle is read into one buffer, as far as it goes", async () => {
  const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, at) => at % 251));
  let sent = 0;
  const pull = ({ byobRequest }) => {
    if (sent === bytes.length) throw new Error("some hosts never answer who waits behind the end with a buffer");
    const part = bytes.subarray(sent, sent + Math.min(50_001, byobRequest.view.length));
    byobRequest.view.set(part);
    sent += part.length;
    byobRequest.respond(part.length);
  };
  const fetch = async () => new Response(new ReadableStream({ type: "bytes", pull }), { headers: { "content-length": String(bytes.length) } });
  const pieces = [];
  for await (const piece of (await httpSource(base, { fetch }).bundle({ signal })).stream) pieces.push(piece.slice());
  assert.deepEqual([pieces.length, Buffer.concat(pieces).equals(bytes)], [4, true]);
});

test("http: a reply that is too large is refused, announced or not", async () => {
  const source = httpSource(base, { maxBytes: 10 });
  reply = (_, response) => response.writeHead(200, { "content-length": 11 }).end("12345678901");
  const bundle = async () => all(await source.bundle({ signal }));
  await assert.rejects(bundle(), { code: "too_large" });
  for (const fixed of [source.patch("a", "b", { signal }), source.object("a", { signal, maxBytes: 100 })]) await assert.rejects(fixed, { code: "too_large" });
  reply = (_, response) => {
    response.writeHead(200);
    for (let i = 0; i < 6; i++) response.write("12");
    response.end();
  };
  await assert.rejects(bundle(), { code: "too_large" });
  reply = (_, response) => {
    response.writeHead(200);
    response.write("12345");
    setTimeout(() => response.end("67890"), 20);
  };
  assert.equal(await bundle(), "1234567890");
  await assert.rejects(source.object("a", { signal, maxBytes: 9 }), { code: "too_large" });
  reply = (_, response) => response.writeHead(200, { "content-length": 2 << 20 }).end(Buffer.alloc(2 << 20));
  await assert.rejects(httpSource(base).head({ signal }), { code: "too_large" });
});

test("http: the length of a compressed reply is not that of what is in it", async () => {
  const [packed, text] = [gzipSync("1234567890", { level: 0 }), "1234567890"];
  reply = (_, response) => response.writeHead(200, { "content-encoding": "gzip", "content-length": packed.length }).end(packed);
  assert.equal(packed.length > text.length, true);
  assert.equal(Buffer.from(await httpSource(base).object("a", { signal, maxBytes: text.length })).toString(), text);
  await assert.rejects(httpSource(base).object("a", { signal, maxBytes: text.length - 1 }), { code: "too_large" });
});

test("http: a web page in place of a file is named as one", async () => {
  const source = httpSource(base);
  for (const type of ["text/html", "Text/HTML; charset=utf-8", " text/html;charset=x"]) {
    reply = (_, response) => response.writeHead(200, { "content-type": type }).end("<!doctype html>");
    const asked = { head: source.head({ signal }), bundle: source.bundle({ signal }), "root/2": source.root(2, { signal }), "objects/a": source.object("a", { signal }) };
    for (const [what, answer] of Object.entries(asked)) {
      await assert.rejects(answer, { code: "source", message: new RegExp(`GET ${what} brought a web page \\(text/html\\).* 404`) });
    }
  }
  // That it is one counts for what is there alone.
  reply = (_, response) => response.writeHead(404, { "content-type": "text/html" }).end("<!doctype html>");
  assert.equal(await source.root(2, { signal }), undefined);
});

test("http: the signal ends a request", async () => {
  const abort = new AbortController();
  reply = () => abort.abort(new Error("enough"));
  await assert.rejects(httpSource(base).head({ signal: abort.signal }), /enough/);
});

test("http: from https to http is another origin, and a redirect that the runtime does not show is told as such", async () => {
  const asked = [];
  const answering = (make) => httpSource("https://keys.example.com/r/acme", { headers: { authorization: "Bearer t" }, fetch: async (url, { redirect }) => (asked.push([url.href, redirect]), make()) });
  const to = (location) => () => new Response(null, { status: 302, headers: { location } });
  for (const location of ["http://keys.example.com/r/acme/head", "https://keys.example.com:8443/", "https://keys.example.com.evil.example/", "//evil.example/x"]) {
    await assert.rejects(answering(to(location)).head({ signal }), { code: "redirect" });
  }
  const opaque = { type: "opaqueredirect", status: 0, headers: new Headers(), body: null }; // what browsers make of it
  await assert.rejects(answering(() => opaque).head({ signal }), { code: "redirect", message: /redirected to an address that this runtime does not tell/ });
  assert.deepEqual(asked, Array(5).fill(["https://keys.example.com/r/acme/head", "manual"]));
});

test("http: wrong options are refused", () => {
  assert.throws(() => httpSource(base, { maxBytes: undefined }), /maxBytes is undefined: leave it out, or give a whole number/);
  for (const wrong of [{ maxBytes: 0 }, { maxBytes: Number.NaN }, { maxBytes: "9" }, { maxbytes: 1 }, undefined, null]) assert.throws(() => httpSource(base, wrong), TypeError);
  httpSource(base, { headers: undefined, fetch: undefined });
});

test("http: a key goes to its own origin with every request, the stream too, and into no error", async () => {
  const key = "elm_S3cret0000000000000000000000000000000";
  const elsewhere = [];
  const other = createServer((request, response) => (elsewhere.push(request.headers.authorization), response.end()));
  await new Promise((resolve) => other.listen(0, "127.0.0.1", resolve));
  const watched = { signal, onHead() {}, onIdle() {}, onRetry() {} };
  const source = httpSource(base, { key });
  reply = (_, response) => response.end("x");
  for (const ask of [() => source.head({ signal }), () => source.bundle({ signal }), () => source.root(2, { signal }), () => source.object("ab", { signal }), () => source.patch("a", "b", { signal }), () => source.watch(watched).catch(() => {})]) {
    await ask();
    assert.equal(requests.at(-1).headers.authorization, `Bearer ${key}`);
  }
  reply = (_, response) => response.writeHead(302, { location: `http://127.0.0.1:${other.address().port}/r/acme/head` }).end();
  for (const ask of [() => source.head({ signal }), () => source.watch(watched)]) await assert.rejects(ask(), { code: "redirect" });
  assert.deepEqual(elsewhere, []);
  other.close();
  const telling = httpSource("https://keys.example.com/r/acme", { key, fetch: async () => { throw new Error(`no way with ${key}`); } });
  await assert.rejects(telling.head({ signal }), (error) => error.code === "unreachable" && !error.message.includes(key) && !error.message.includes("S3cret"));
});

test("http: a key that would not protect, or would be told, is refused", () => {
  for (const key of [undefined, "", "two words", 7, "x\r\ny: z"]) assert.throws(() => httpSource(base, { key }), (error) => error instanceof TypeError && !error.message.includes("two"));
  assert.throws(() => httpSource("http://keys.example.com/r/acme", { key: "k" }), /https: is needed/);
  assert.throws(() => httpSource(base, { key: "k", headers: { Authorization: "Bearer other" } }), /not both/);
});

test("http: only http and https", () => {
  assert.throws(() => httpSource("file:///etc/passwd"), /file:/);
  assert.throws(() => httpSource("nonsense"), TypeError);
});

test("files: read again when they change, by path or URL", async () => {
  const directory = await mkdtemp(join(tmpdir(), "edgelatch-"));
  try {
    const path = join(directory, "bundle");
    await writeFile(path, "one");
    for (const source of [fileSource(path), fileSource(pathToFileURL(path)), directorySource(directory)]) {
      const first = await source.bundle({ signal });
      assert.equal(Buffer.from(first.bytes).toString(), "one");
      assert.equal(await source.bundle({ signal, etag: first.etag }), undefined);
      await writeFile(`${path}.new`, "two");
      await rename(`${path}.new`, path);
      const second = await source.bundle({ signal, etag: first.etag });
      assert.equal(Buffer.from(second.bytes).toString(), "two");
      await writeFile(path, "one");
    }
    assert.equal(fileSource(path).head, undefined);
    await mkdir(join(directory, "root"));
    await writeFile(join(directory, "root", "2"), "root");
    const realm = directorySource(directory, { maxBytes: 2 });
    assert.equal(Buffer.from(await directorySource(directory).root(2, { signal })).toString(), "root");
    assert.equal(await realm.root(3, { signal }), undefined);
    await assert.rejects(realm.bundle({ signal }), { code: "too_large" });
    await writeFile(join(directory, "root", "2"), "r".repeat(20_000)); // however wide the limit for bundles is
    await assert.rejects(directorySource(directory).root(2, { signal }), { code: "too_large" });
    await assert.rejects(realm.head({ signal }), { code: "ENOENT" });
    assert.deepEqual([await realm.patch("f", "t", { signal }), await realm.object("d", { signal })], [undefined, undefined]);
    await mkdir(join(directory, "patch", "t"), { recursive: true });
    await mkdir(join(directory, "objects"));
    for (const [path, ask] of [["patch/t/f", (request) => directorySource(directory).patch("f", "t", request)], ["objects/d", (request) => directorySource(directory).object("d", request)]]) {
      await writeFile(join(directory, path), path);
      assert.equal(Buffer.from(await ask({ signal })).toString(), path);
      await assert.rejects(ask({ signal, maxBytes: path.length - 1 }), { code: "too_large" });
    }
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("files: a bound that is none is refused", () => {
  for (const source of [fileSource, directorySource]) {
    assert.throws(() => source("x", { maxBytes: undefined }), /maxBytes is undefined: leave it out, or give a whole number/);
    for (const wrong of [{ maxBytes: 0 }, { maxBytes: Number.NaN }, { maxBytes: "9" }, { maxbytes: 1 }, undefined, null]) assert.throws(() => source("x", wrong), TypeError);
    source("x", {});
  }
});

test("what lies on Object.prototype is no tag: nobody can make a new object pass for the old one", async () => {
  const directory = await mkdtemp(join(tmpdir(), "edgelatch-"));
  try {
    await writeFile(join(directory, "head"), "head");
    reply = (request, response) => (request.headers["if-none-match"] === undefined ? response.end("head") : response.writeHead(304).end());
    const fixed = staticSource(new Uint8Array([1]));
    for (const ask of [() => directorySource(directory).head({ signal }), () => httpSource(base).head({ signal }), () => fixed.bundle({ signal })]) {
      Object.prototype.etag = (await ask()).etag ?? '"x"';
      try {
        assert.notEqual(await ask(), undefined);
      } finally {
        delete Object.prototype.etag;
      }
    }
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("static: the bundle once", async () => {
  const source = staticSource(new Uint8Array([1]), { 2: new Uint8Array([2]) });
  const { bytes, etag } = await source.bundle({ signal });
  assert.deepEqual(bytes, new Uint8Array([1]));
  assert.equal(await source.bundle({ signal, etag }), undefined);
  assert.deepEqual(await source.root(2), new Uint8Array([2]));
  assert.equal(await source.root(3), undefined);
});
