// The example for Fastly Compute in Viceroy, by the real clock, until a revocation reaches it; what a request takes; and the crate's README shows its lines.
import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import process from "node:process";
import { publish, treeOf } from "../runtimes/publisher.mjs";
import { origin, RELEASE, viceroy } from "./servers/fastly.mjs";

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const { keys, roots, snapshots, life } = JSON.parse(read("tests/runtimes/fixture.json"));
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
  equal("and that is told", said.text.includes("edgelatch: http_status: GET head: status 503"), true);
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

async function until(is, seconds) {
  for (let i = 0; i < seconds * 5; i++) {
    if (await is()) return true;
    await new Promise((turn) => setTimeout(turn, 200));
  }
  return false;
}
