// `node run.mjs DIR [--quick] [--only ID,…]`: loads every contender and prints one JSON object. `DIR` has the realms, one a number of keys.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { CONTENDERS, start } from "./contenders.mjs";
import { GOALS } from "./goals.mjs";
import { Load } from "./load/load.mjs";
import { GENERATOR, machine, pin, pinned, SERVER } from "./machine.mjs";
import { capacity, latency } from "./rounds.mjs";
import { summary } from "./summary.mjs";

/** Keys of the realm that servers guard. */
const KEYS = "100000";
const FULL = { capacity: { rounds: 9, seconds: 3 }, latency: { rounds: 5, seconds: 3 } };
const QUICK = { capacity: { rounds: 3, seconds: 0.5 }, latency: { rounds: 1, seconds: 1 } };

const { quick, dir, only } = arguments_(process.argv.slice(2));
const say = (text) => console.error(`${((performance.now() - begun) / 1000).toFixed(0).padStart(5)} s  ${text}`);
const begun = performance.now();
const plan = quick ? QUICK : FULL;

const load = new Load();
pin(load.pid, GENERATOR);
const running = [];
process.on("exit", () => running.forEach(({ server }) => server?.stop()));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
for (const contender of CONTENDERS.filter(({ id }) => only?.includes(id) ?? true)) {
  const one = { contender, runs: [], latencies: [] };
  running.push(one);
  try {
    one.server = await start(contender, join(dir, KEYS));
    pin(one.server.pid, SERVER);
  } catch (error) {
    one.error = error.message;
    say(`${contender.id}: ${error.message}`);
  }
}
await capacity(running, load, plan.capacity, say);
await latency(running, load, plan.latency, say);
load.end();
for (const { server } of running) server?.stop();

say("requests without a server");
const inside = await promisify(execFile)(process.execPath, [file("inside/run.mjs"), dir, ...(quick ? ["--quick"] : [])]).then(
  ({ stdout }) => JSON.parse(stdout),
  (error) => (say(error.stderr || error.message), undefined),
);

const made = {
  date: new Date().toISOString().slice(0, 10),
  machine, pinned, quick,
  keys: Number(KEYS),
  ...plan,
  seconds: Math.round((performance.now() - begun) / 1000),
  versions: versions(),
};
console.log(JSON.stringify({ made, goals: GOALS, contenders: running.map((one) => summary(one, running)), inside }));
process.exit(0);

function file(path) {
  return fileURLToPath(new URL(path, import.meta.url));
}

/** What was measured with, beside this machine. */
function versions() {
  const json = (path) => JSON.parse(readFileSync(file(path), "utf8"));
  const { devDependencies: libraries } = json("package.json");
  const { devDependencies: hosts } = json("../../js/package.json");
  return { node: process.versions.node, deno: hosts.deno, bun: hosts.bun, workerd: hosts.workerd, ...libraries };
}

function arguments_(given) {
  const flags = given.filter((text) => text.startsWith("--"));
  const chosen = given.indexOf("--only");
  return { dir: given[0], quick: flags.includes("--quick"), only: chosen < 0 ? undefined : given[chosen + 1].split(",") };
}
