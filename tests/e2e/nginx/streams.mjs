// The stream of `edgelatch serve` through nginx: passed on, held back, cut.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Edge, until } from "./edges.mjs";

const HOUR = 3_600_000;
/** Between two looks of an edge whose stream is of no use, in milliseconds. */
const INTERVAL = 300;

/** How many streams the server has. */
async function streams({ control }) {
  const reply = await fetch(`${control.url}/metrics`, { headers: { authorization: `Bearer ${control.administrator}` } });
  return Number((await reply.text()).match(/^edgelatch_streams_open (\d+)$/m)?.[1]);
}

const refuses = (edge, key) => until("the edge refuses the key", () => edge.verdict(key) === "revoked");

export default [
  ["as documented, directly and behind a cache: a revocation comes over it", async ({ realm, documented }) => {
    const key = await realm.key("streamed");
    const edges = [];
    for (const url of [documented.origin, documented.cache]) edges.push(await Edge.alone(url, realm.root, { interval: HOUR, stream: true }));
    await until("each edge has a stream", async () => (await streams(realm)) === edges.length);
    for (const edge of edges) await until("the edge has the key", () => edge.verdict(key) === "valid");
    await realm.revoke(key);
    for (const edge of edges) await refuses(edge, key);
    for (const edge of edges) assert.deepEqual(edge.errors, []);
    Edge.closeAll();
  }],
  ["as nginx comes from the package, which buffers unless the reply says no", async ({ realm, streamed }) => {
    const key = await realm.key("unbuffered");
    const edge = await Edge.alone(streamed("packaged"), realm.root, { interval: HOUR, stream: true });
    await until("the edge has a stream", async () => (await streams(realm)) === 1);
    await realm.revoke(key);
    await refuses(edge, key);
    assert.deepEqual(edge.errors, []);
    Edge.closeAll();
  }],
  ["held back by a proxy that heeds nothing: looked for at the interval", async ({ realm, streamed }) => {
    const key = await realm.key("held back");
    const edge = await Edge.alone(streamed("deaf"), realm.root, { interval: INTERVAL });
    await until("the edge has asked for a stream", async () => (await streams(realm)) === 1);
    await realm.revoke(key);
    await refuses(edge, key);
    assert.deepEqual([await streams(realm), edge.errors], [1, []]);
    Edge.closeAll();
  }],
  ["cut before the next sign of life: looked for at the interval, told once, and opened again", async ({ realm, streamed, log }) => {
    const key = await realm.key("cut");
    const edge = await Edge.alone(streamed("short"), realm.root, { interval: INTERVAL });
    await until("the edge has a stream", async () => (await streams(realm)) === 1);
    await until("nginx has cut it", () => /upstream timed out.*\/stream/.test(readFileSync(log(), "utf8")));
    await realm.revoke(key);
    await refuses(edge, key);
    const first = await realm.key("cut again");
    await until("the edge has the key", () => edge.verdict(first) === "valid");
    assert.ok(edge.errors.length > 0 && edge.errors.every((error) => error.code === "unreachable" && error.message.includes("GET stream")), edge.lastError);
    Edge.closeAll();
  }],
];
