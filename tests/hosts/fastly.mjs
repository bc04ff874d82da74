// The example for Fastly Compute in Viceroy, by the real clock, until a revocation reaches it; what a request takes; and the crate's README shows its lines.
import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import process from "node:process";
import { publish, treeOf } from "../runtimes/publisher.mjs";
import { origin, RELEASE, viceroy } from "./servers/fastly.mjs";

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const { keys, roots, snapshots, start, life } = JSON.parse(read("tests/runtimes/fixture.json"));
let [passed, failed] = [0, 0];
function equal(what, found, expected) {
  if (JSON.stringify(found) === JSON.stringify(expected)) return passed++;
  failed++;
  console.log(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`);
}

const shown = read("crates/fastly/README.md").split("`examples/fastly`:")[1].match(/```rust,ignore\n(.*?)```/s)[1];
equal("the README shows the program", read("examples/fastly/src/main.rs").endsWith(shown), true);

if (spawnSync("viceroy", ["--version"]).error !== undefined && process.env.CI === undefined) {
  console.log("fastly: skipped, viceroy is not installed");
} else {
  await example();
  await options();
}
console.log(`fastly: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);

async function example() {
  const realm = await origin();
  const now = Math.floor(Date.now() / 1000);
  const put = (epoch, snapshot) => realm.publish(publish({ epoch, issuedAt: now - 60, life, tree: treeOf(Buffer.from(snapshots[snapshot].bundle, "base64")) }));
  put(50, "first");
  const { port, said, stop } = await viceroy("edgelatch-example-fastly", { root: roots[0], source: realm.source }, realm.url);
  const ask = async (key) => {
    const reply = await fetch(`http://127.0.0.1:${port}/`, { headers: key === undefined ? {} : { authorization: `Bearer ${keys[key]}` } });
    const text = await reply.text();
    return reply.status === 200 ? text.trim() : reply.status;
  };
  const three = async () => [await ask("plain"), await ask("stranger"), await ask()];
  const usual = ["hello Key “plain”", 401, 401];
  equal("a key passes, another does not", await three(), usual);
  realm.asked.length = 0;
  const times = [];
  for (let i = 0; i < 200; i++) {
    const begin = performance.now();
    await ask("plain");
    times.push(performance.now() - begin);
  }
  equal("a warm cache asks the source for no more than the head", realm.asked.filter((path) => path !== "head"), []);
  times.sort((a, b) => a - b);
  console.log(`fastly: a request in viceroy, warm cache: p50 ${times[100].toFixed(2)} ms, p99 ${times[198].toFixed(2)} ms; program ${statSync(new URL("edgelatch-example-fastly.wasm", RELEASE)).size} bytes`);
  realm.away = true;
  await new Promise((turn) => setTimeout(turn, 10_500));
  equal("the source is away", await three(), usual);
  equal("and that is told", await until(() => said.text.includes("edgelatch: http_status: GET head: status 503"), 5), true);
  realm.away = false;
  put(51, "second");
  const second = await until(async () => (await ask("leaving")) === 401, 30);
  equal("a revocation arrives", second, true);
  put(50, "first");
  await new Promise((turn) => setTimeout(turn, 10_500));
  equal("a replay does not", await ask("leaving"), 401);
  equal("no secret is told", Object.values(keys).some((key) => said.text.includes(key)), false);
  stop();
  realm.close();
}

/** What the options do, in the program that the suite asks too; its clock stands where the snapshots are good. */
async function options() {
  const realm = await origin();
  const put = (snapshot) => realm.publish({ head: Buffer.from(snapshots[snapshot].head, "base64"), bundle: Buffer.from(snapshots[snapshot].bundle, "base64") });
  put("first");
  const run = (more, stores) => viceroy("edgelatch-host-fastly", { root: roots[0], source: realm.source, now: start + 10, ...more }, realm.url, stores);
  const client = ({ port }) => async (path, headers) => {
    const reply = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
    return `${reply.status} ${reply.headers.get("content-type") === "application/problem+json" ? JSON.parse(await reply.text()).type : await reply.text()}`;
  };
  const bearer = (key) => ({ authorization: `Bearer ${keys[key]}` });
  const HELLO = "200 hello Key “plain”";

  const secret = "ek_canary_0123456789";
  const reading = await run({ read_key: secret });
  equal("with a read key", await client(reading)("/hello", bearer("plain")), HELLO);
  equal("each request to the source has it", [...new Set(realm.headers.map(({ authorization }) => authorization))], [`Bearer ${secret}`]);
  realm.asked.length = 0;
  for (const [what, settings, told] of [
    ["with spaces", { read_key: `${secret} ${secret}` }, "must be the text of a management key"],
    ["in the clear", { read_key: secret, source: "http://keys.example.com/r/acme" }, "https: is needed"],
    ["for a KV store", { read_key: secret, store: "files" }, "a KV store takes no read key"],
  ]) {
    const wrong = await run(settings);
    const reply = await client(wrong)("/hello", bearer("plain"));
    equal(`a read key ${what}`, [reply.startsWith("555 "), reply.includes(told), reply.includes(secret), wrong.said.text.includes(secret)], [true, true, false, false]);
    wrong.stop();
  }
  equal("and is not sent", realm.asked, []);
  reading.stop();

  const files = new Map([...realm.files].filter(([path]) => path !== "bundle").map(([path, bytes]) => [`acme/${path}`, bytes]));
  const stored = await run({ store: "files" }, { files });
  const asking = client(stored);
  equal("files in a KV store", [await asking("/hello", bearer("plain")), await asking("/hello", bearer("stranger")), realm.asked], [HELLO, "401 urn:edgelatch:problem:invalid-token", []]);
  stored.stop();
  const half = await run({ store: "files" }, { files: new Map([...files].filter(([path]) => path === "acme/head")) });
  equal("a head whose objects are not there yet", [(await client(half)("/hello", bearer("plain"))).slice(0, 3), await until(() => half.said.text.includes("edgelatch: behind: "), 5)], ["503", true]);
  half.stop();
  const absent = await run({ store: "absent" }, { files });
  equal("no such store", [(await client(absent)("/hello", bearer("plain"))).slice(0, 3), await until(() => /^edgelatch: unreachable: .*KV store absent/m.test(absent.said.text), 5)], ["503", true]);
  absent.stop();

  const old = await run({ max_age: 60, log: "trouble" });
  const later = (seconds) => client(old)("/hello", { ...bearer("plain"), "x-later": String(seconds) });
  equal("what the source said now", await later(0), HELLO);
  realm.away = true;
  equal("what it said too long ago", [await later(60), (await later(61)).slice(0, 3), await later(0)], [HELLO, "503", HELLO]);
  // Judged as if the head had ended, which is no time to be told of.
  const [, at, age] = (await client(old)("/when", { ...bearer("plain"), "x-later": "61" })).split(" ").map(Number);
  equal("a verdict says when it was, and how old what it saw", [at, age >= 61 && age < life], [start + 10 + 61, true]);
  equal("the log endpoint hears why", await until(() => /^trouble :: edgelatch: http_status: GET head: status 503$/m.test(old.said.text), 5), true);
  equal("and of no key", Object.values(keys).some((key) => old.said.text.includes(key)), false);
  realm.away = false;
  old.stop();
  equal("a max_age below the ttl", await client(await run({ max_age: 9 }))("/hello"), "555 handled max_age: it must not be shorter than ttl");

  const judging = client(await run({}));
  const codes = (key, more = {}) => judging("/codes", { "x-text": keys[key], "x-need": "zone.view", ...more });
  equal("keys without a request", [await codes("plain"), await codes("stranger"), await codes("revoked")], ["200 valid valid", "200 unknown unknown", "200 revoked revoked"]);
  const from = (ip) => codes("office", { "x-ip": ip });
  equal("from an address", [await from("198.51.100.9"), await from("203.0.113.1"), await codes("office")], ["200 valid valid", "200 ip_denied ip_denied", "200 ip_unknown ip_unknown"]);
  equal("for a permission", [await codes("plain", { "x-need": "zone.purge" }), await codes("plain", { "x-need": "no permission" })], ["200 permission_denied permission_denied", "200 bad_requirement bad_requirement"]);
  equal("a key that goes on", await codes("leaving"), "200 valid valid");
  put("second");
  equal("a guard that is kept looks again", await codes("leaving", { "x-later": String(life / 2 + 60) }), "200 valid revoked");
  realm.close();
}

async function until(is, seconds) {
  for (let i = 0; i < seconds * 5; i++) {
    if (await is()) return true;
    await new Promise((turn) => setTimeout(turn, 200));
  }
  return false;
}
