// Replies that servers give which do not know what they hand out, and files that do not fit together.
import assert from "node:assert/strict";
import { once } from "node:events";
import { cpSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { Edge } from "./edges.mjs";

/** Bytes that are left of a file: fewer than a head has. */
const PART = 100;

/** The last thing that an edge said, which has to hold these words. */
function said(edge, ...words) {
  for (const word of words) assert.ok(edge.lastError?.includes(word), `${edge.lastError} should say ${word}`);
}

export default [
  ["a bundle older than its head", async ({ realm, plain }) => {
    const key = await realm.key("older bundle");
    const site = realm.copy("older");
    const edge = await Edge.serving(plain("older"), realm.root);
    await realm.revoke(key);
    // With what leads on from it, an edge that begins is there at once.
    site.take("head");
    const begun = await Edge.serving(plain("older"), realm.root);
    assert.deepEqual([begun.verdict(key), begun.errors], ["revoked", []]);
    // Without, the head is what it is told at each look.
    site.without("patch", "objects");
    assert.equal(await edge.look(), "behind");
    said(edge, "the head names another tree");
    assert.equal(edge.verdict(key), "valid");
    const late = await Edge.serving(plain("older"), realm.root);
    assert.equal(late.verdict(key), "valid");
    assert.equal(await late.look(), "behind");
    site.take("bundle");
    for (const one of [edge, late]) assert.deepEqual([await one.look(), one.verdict(key)], ["updated", "revoked"]);
  }],
  ["a bundle newer than its head", async ({ realm, plain }) => {
    const key = await realm.key("newer bundle");
    const site = realm.copy("newer");
    const edge = await Edge.serving(plain("newer"), realm.root);
    await realm.revoke(key);
    site.take("bundle");
    const begun = await Edge.serving(plain("newer"), realm.root);
    assert.equal(begun.verdict(key), "revoked");
    // The head that it is shown is older than what it has.
    assert.equal(await begun.look(), "rollback");
    assert.deepEqual([begun.verdict(key), edge.verdict(key)], ["revoked", "valid"]);
    site.take("head");
    for (const one of [edge, begun]) await one.look();
    assert.deepEqual([edge.verdict(key), begun.epoch], ["revoked", edge.epoch]);
  }],
  ["304 for a bundle that nobody has", async ({ realm, plain }) => {
    const key = await realm.key("unchanged");
    const site = realm.copy("unchanged");
    site.without("patch", "objects");
    const begun = await Edge.begun(plain("unchanged"), realm.root);
    assert.equal(await begun.look(), "http_status");
    said(begun, "GET bundle answered 304");
    assert.equal(begun.verdict(key), "snapshot_missing");
  }],
  ["half a file, and half a transfer", async ({ realm, plain, torn }) => {
    const key = await realm.key("half");
    const site = realm.copy("half");
    const edge = await Edge.serving(plain("half"), realm.root);
    await realm.revoke(key);
    site.take("head", "bundle");
    site.without("patch", "objects");
    const whole = { head: readFileSync(site.file("head")), bundle: readFileSync(site.file("bundle")) };
    for (const name of ["head", "bundle"]) {
      const { length } = whole[name];
      truncateSync(site.file(name), PART);
      assert.equal(await edge.look(), "truncated");
      assert.equal(edge.verdict(key), "valid");
      writeFileSync(site.file(name), whole[name]);
      // The length of all of it is announced, and the connection ends before.
      torn.bodies = { ...whole, [name]: [length, whole[name].subarray(0, PART)] };
      edge.at(torn.url);
      assert.equal(await edge.look(), "unreachable");
      said(edge, `GET ${name}`);
      assert.equal(edge.verdict(key), "valid");
      edge.at(plain("half"));
    }
    assert.deepEqual([await edge.look(), edge.verdict(key)], ["updated", "revoked"]);
  }],
  ["replies that are compressed on the way", async ({ realm, plain }) => {
    const key = await realm.key("packed");
    const [edge, again] = [await Edge.serving(plain("packed"), realm.root), await Edge.serving(plain("packed"), realm.root)];
    await realm.revoke(key);
    const asked = await fetch(`${plain("packed")}/head`, { headers: { "accept-encoding": "gzip" } });
    assert.equal(asked.headers.get("content-encoding"), "gzip");
    assert.deepEqual([await edge.look(), edge.verdict(key), edge.errors], ["updated", "revoked", []]);
    // Packed beforehand, and badly: longer than it is, which is the length that is announced.
    const site = realm.copy("prepacked");
    site.without("patch", "objects");
    cpSync(realm.file("objects"), site.file("objects"), { recursive: true });
    for (const name of ["head", "bundle", ...readdirSync(site.file("objects")).map((name) => `objects/${name}`)]) {
      writeFileSync(`${site.file(name)}.gz`, gzipSync(readFileSync(site.file(name)), { level: 0 }));
    }
    again.at(plain("prepacked"));
    assert.deepEqual([await again.look(), again.verdict(key), again.errors], ["updated", "revoked", []]);
    assert.deepEqual([again.fetched("objects/"), again.fetched("bundle")], [true, false]);
    const begun = await Edge.serving(plain("prepacked"), realm.root);
    assert.deepEqual([begun.verdict(key), begun.errors], ["revoked", []]);
  }],
  ["a page in place of a file", async ({ realm, plain }) => {
    const key = await realm.key("page");
    const site = realm.copy("page");
    const edge = await Edge.serving(plain("page"), realm.root);
    const lost = await Edge.serving(plain("page").replace("/r/acme", "/r/acne"), realm.root);
    said(lost, "GET head", "text/html", "web page");
    assert.deepEqual([lost.errors.at(-1).code, lost.verdict(key)], ["source", "snapshot_missing"]);
    await realm.revoke(key);
    // A page for each patch and object that is not there hinders nobody.
    site.take("head", "bundle");
    site.without("patch", "objects");
    assert.deepEqual([await edge.look(), edge.verdict(key), edge.errors], ["updated", "revoked", []]);
    site.without("head");
    assert.equal(await edge.look(), "source");
    assert.equal(edge.verdict(key), "revoked");
  }],
  ["no ranges, and everything kept for ever as far as headers go", async ({ realm, plain }) => {
    const key = await realm.key("forever");
    realm.copy("forever");
    const edge = await Edge.serving(plain("forever"), realm.root);
    const { headers } = await fetch(`${plain("forever")}/head`);
    assert.deepEqual([headers.get("accept-ranges"), headers.get("cache-control")], [null, "max-age=315360000, public, immutable"]);
    await realm.revoke(key);
    realm.copy("forever");
    assert.deepEqual([await edge.look(), edge.verdict(key)], ["updated", "revoked"]);
  }],
];

/** A server that announces more than it sends: `bodies` by name, each bytes, or a length and what comes of it. */
export async function tornServer(http) {
  const torn = { bodies: {} };
  const server = http.createServer((request, response) => {
    const found = torn.bodies[request.url.split("/").at(-1)];
    if (found === undefined) return response.writeHead(404).end();
    const [length, bytes] = Array.isArray(found) ? found : [found.length, found];
    response.writeHead(200, { "content-length": length });
    response.write(bytes, () => length > bytes.length && response.destroy());
    if (length === bytes.length) response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  torn.port = server.address().port;
  torn.close = () => (server.close(), server.closeAllConnections());
  return torn;
}
