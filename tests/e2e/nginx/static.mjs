// What the publisher writes, handed out by nginx as it comes from the package: its tags are made of second and length.
import assert from "node:assert/strict";
import { Edge } from "./edges.mjs";

/** One of them could have looked at a lucky moment. */
const FLEET = 40;
/** Epochs that are published while edges look without a pause. */
const PUBLISHED = 20;
/** A second that has passed, so that no later write is in it by chance. */
const SECOND = 1_700_000_000;

const head = (url, headers) => fetch(`${url}/head`, { headers });

export default [
  ["two publications in one second are told apart by every edge", async ({ realm, plain }) => {
    const url = plain("live");
    const key = await realm.key("same second");
    realm.at(SECOND, "head", "bundle");
    const edges = await Promise.all(Array.from({ length: FLEET }, () => Edge.serving(url, realm.root)));
    assert.deepEqual([...new Set(edges.map((edge) => edge.verdict(key)))], ["valid"]);
    const { headers } = await head(url);
    await realm.revoke(key);
    realm.at(SECOND, "head", "bundle");
    // What makes this a test: whoever asks with what nginx calls a validator is told that nothing is new.
    assert.equal((await head(url, { "if-none-match": headers.get("etag") })).status, 304);
    assert.equal((await head(url, { "if-modified-since": headers.get("last-modified") })).status, 304);
    const looks = await Promise.all(edges.map((edge) => edge.look()));
    assert.deepEqual([...new Set(looks)], ["updated"]);
    assert.deepEqual([...new Set(edges.map((edge) => edge.verdict(key)))], ["revoked"]);
    assert.deepEqual(edges.flatMap(({ errors }) => errors), []);
    const begun = await Edge.serving(url, realm.root);
    assert.equal(begun.verdict(key), "revoked");
  }],
  ["what is replaced while it is handed out is never read torn", async ({ realm, plain }) => {
    const url = plain("live");
    const edges = await Promise.all(Array.from({ length: 4 }, () => Edge.serving(url, realm.root)));
    let publishing = true;
    const begun = [];
    const looking = edges.map(async (edge) => {
      for (let last = 0; publishing; last = edge.epoch) {
        await edge.look();
        assert.ok(edge.epoch >= last);
      }
    });
    const beginning = (async () => {
      while (publishing) begun.push(await Edge.serving(url, realm.root));
    })();
    let last;
    for (let n = 0; n < PUBLISHED; n++) last = await realm.key(`torn ${n}`);
    publishing = false;
    await Promise.all([...looking, beginning]);
    for (const edge of [...edges, ...begun]) assert.deepEqual(edge.errors.map(({ message }) => message), []);
    for (const edge of edges) {
      await edge.look();
      assert.equal(edge.verdict(last), "valid");
    }
    assert.ok(begun.length > 1 && begun.every(({ epoch }) => epoch > 0));
  }],
  ["a change costs a patch; without it, objects; without these, the bundle", async ({ realm, plain }) => {
    await realm.key("first"); // a publisher that has just begun knows of no tree before its own
    const [patched, pieced, whole] = await Promise.all(Array.from({ length: 3 }, () => Edge.serving(plain("live"), realm.root)));
    const key = await realm.key("kept");
    assert.equal(await patched.look(), "updated");
    assert.deepEqual([patched.fetched("patch/"), patched.fetched("objects/"), patched.fetched("bundle")], [true, false, false]);
    // What an edge finds that slept longer than publishers keep what the newest tree does without.
    const later = realm.copy("later");
    later.without("patch");
    pieced.at(plain("later"));
    assert.equal(await pieced.look(), "updated");
    assert.deepEqual([pieced.fetched("objects/"), pieced.fetched("bundle")], [true, false]);
    later.without("objects");
    whole.at(plain("later"));
    assert.equal(await whole.look(), "updated");
    assert.ok(whole.fetched("bundle"));
    for (const edge of [patched, pieced, whole]) assert.deepEqual([edge.verdict(key), edge.errors], ["valid", []]);
  }],
];
