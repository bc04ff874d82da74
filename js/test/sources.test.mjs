import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import test, { after } from "node:test";
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
  await source.bundle({ signal });
  assert.equal(requests.at(-1).url, "/r/acme/bundle?token=t");
  await source.root(7, { signal });
  assert.equal(requests.at(-1).url, "/r/acme/root/7?token=t");
});

test("http: other answers are errors that say what answered", async () => {
  const source = httpSource(base);
  for (const status of [204, 304, 404, 500, 503]) {
    reply = (_, response) => response.writeHead(status).end();
    await assert.rejects(source.bundle({ signal }), { code: "http_status", message: new RegExp(`GET bundle answered ${status}`) });
  }
  reply = (_, response) => response.writeHead(404).end();
  assert.equal(await source.root(2, { signal }), undefined);
});

test("http: a reply that is too large is refused, announced or not", async () => {
  const source = httpSource(base, { maxBytes: 10 });
  reply = (_, response) => response.writeHead(200, { "content-length": 11 }).end("12345678901");
  await assert.rejects(source.bundle({ signal }), { code: "too_large" });
  reply = (_, response) => {
    response.writeHead(200);
    for (let i = 0; i < 6; i++) response.write("12");
    response.end();
  };
  await assert.rejects(source.bundle({ signal }), { code: "too_large" });
  reply = (_, response) => {
    response.writeHead(200);
    response.write("12345");
    setTimeout(() => response.end("67890"), 20);
  };
  assert.equal(Buffer.from((await source.bundle({ signal })).bytes).toString(), "1234567890");
  reply = (_, response) => response.writeHead(200, { "content-length": 2 << 20 }).end(Buffer.alloc(2 << 20));
  await assert.rejects(httpSource(base).head({ signal }), { code: "too_large" });
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
