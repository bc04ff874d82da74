// Caches between nginx and edges: what they hold is older than what is there, each file by itself.
import assert from "node:assert/strict";
import { Edge, until } from "./edges.mjs";

/** A second that has passed, so that no later write is in it by chance. */
const SECOND = 1_700_000_000;

/** Longer than the documented cache keeps a head, in milliseconds. */
const STALE = 2500;

/** The cache gives these files up, and holds what is there now. */
async function letGo(url, ...names) {
  for (const name of names) {
    const reply = await fetch(`${url}/${name}`, { headers: { "x-let-go": "1" } });
    await reply.arrayBuffer();
    assert.equal(reply.status, 200);
  }
}

export default [
  ["a cached bundle older than its head", async ({ realm, cached }) => {
    const key = await realm.key("cached bundle");
    await letGo(cached, "head", "bundle");
    const edge = await Edge.serving(cached, realm.root);
    await realm.revoke(key);
    // The head is what it was as long as the cache says so, and the edge has no way to know.
    assert.deepEqual([await edge.look(), edge.verdict(key)], ["unchanged", "valid"]);
    await letGo(cached, "head");
    const begun = await Edge.serving(cached, realm.root);
    assert.ok(begun.fetched("bundle"));
    assert.deepEqual([begun.verdict(key), begun.errors], ["revoked", []]);
    assert.deepEqual([await edge.look(), edge.verdict(key), edge.fetched("bundle")], ["updated", "revoked", false]);
  }],
  ["a cached head older than what an edge has: refused, told, and over once the cache lets go", async ({ realm, cached, plain }) => {
    const key = await realm.key("cached head");
    await letGo(cached, "head", "bundle");
    const old = await Edge.serving(cached, realm.root);
    await realm.revoke(key);
    await letGo(cached, "bundle");
    const begun = await Edge.serving(cached, realm.root);
    const ahead = await Edge.serving(plain("live"), realm.root);
    ahead.at(cached);
    for (const edge of [begun, ahead]) {
      assert.deepEqual([edge.verdict(key), edge.errors], ["revoked", []]);
      assert.equal(await edge.look(), "rollback");
      assert.match(edge.lastError, /^rollback: /);
      assert.equal(edge.verdict(key), "revoked");
    }
    assert.equal(old.verdict(key), "valid");
    await letGo(cached, "head");
    for (const edge of [old, begun, ahead]) {
      await edge.look();
      assert.equal(edge.verdict(key), "revoked");
    }
    assert.deepEqual([await begun.look(), await ahead.look()], ["unchanged", "unchanged"]);
  }],
  ["a 404 that is kept too long costs bytes, and no answer", async ({ realm, cached, plain }) => {
    const key = await realm.key("kept 404");
    await letGo(cached, "head", "bundle");
    realm.copy("scouted");
    const edge = await Edge.serving(cached, realm.root);
    const scouts = [await Edge.serving(plain("live"), realm.root), await Edge.serving(plain("scouted"), realm.root)];
    await realm.revoke(key);
    realm.copy("scouted").without("patch");
    for (const scout of scouts) assert.equal(await scout.look(), "updated");
    // Somebody asks for all that leads to the new tree before it is there.
    const steps = scouts.flatMap(({ asked }) => asked).filter((line) => /^(patch|objects)\/.*200$/.test(line)).map((line) => line.split(" ")[0]);
    assert.ok(steps.length > 2, steps.join(", "));
    realm.hide("patch", "objects");
    for (const step of steps) assert.equal((await fetch(`${cached}/${step}`)).status, 404);
    realm.unhide("patch", "objects");
    await letGo(cached, "head");
    assert.deepEqual([await edge.look(), edge.verdict(key)], ["behind", "valid"]);
    await letGo(cached, "bundle");
    assert.deepEqual([await edge.look(), edge.verdict(key)], ["updated", "revoked"]);
  }],
  ["the documented cache serves on while the publisher's server is away, and follows once it is back", async ({ realm, documented }) => {
    const key = await realm.key("away");
    const edge = await Edge.begun(documented.cache, realm.root);
    const sees = (code) => async () => (await edge.look(), edge.verdict(key) === code);
    await until("the edge has the key", sees("valid"));
    await documented.stopOrigin();
    await realm.revoke(key);
    const { headers } = await fetch(`${documented.cache}/head`);
    assert.equal(headers.get("cache-control"), "no-cache");
    for (const end = Date.now() + STALE; Date.now() < end; ) assert.equal(await edge.look(), "unchanged");
    const begun = await Edge.serving(documented.cache, realm.root);
    assert.deepEqual([begun.verdict(key), begun.errors, edge.errors], ["valid", [], []]);
    await documented.startOrigin();
    await until("the edge refuses the key", sees("revoked"));
    await until("so does one that began meanwhile", async () => (await begun.look(), begun.verdict(key) === "revoked"));
  }],
  ["a cache that asks whether its head is still the current one is not told so by the documented server", async ({ realm, revalidating }) => {
    const key = await realm.key("asked again");
    realm.at(SECOND, "head", "bundle");
    const edge = await Edge.begun(revalidating("documented"), realm.root);
    await until("the edge has the key", async () => (await edge.look(), edge.verdict(key) === "valid"));
    const misled = await Edge.serving(revalidating("plain"), realm.root);
    await realm.revoke(key);
    realm.at(SECOND, "head", "bundle");
    await until("the edge refuses the key", async () => (await edge.look(), edge.verdict(key) === "revoked"));
    // As nginx comes from the package, it lies to such a cache, until the head is of another second.
    await until("that cache has asked", async () => (await fetch(`${revalidating("plain")}/head`)).headers.get("x-cache") === "REVALIDATED");
    assert.deepEqual([await misled.look(), misled.verdict(key)], ["unchanged", "valid"]);
    realm.at(SECOND + 1, "head", "bundle");
    await until("it refuses the key too", async () => (await misled.look(), misled.verdict(key) === "revoked"));
  }],
];
