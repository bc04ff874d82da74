// The suite on every host, or on those named, over the packed package: `node tests/hosts/run.mjs [koa3 "hono bun"]`.
import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import "./beside.mjs";
import { HOSTS } from "./hosts.mjs";
import { client, SUITE } from "./suite.mjs";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const tool = (name) => file(`../../js/node_modules/.bin/${name}`);

const RUNTIMES = { node: [process.execPath], deno: [tool("deno"), "run", "-A", "--node-modules-dir=manual"], bun: [tool("bun")] };

async function start(name, runtime) {
  const [command, ...args] = [...RUNTIMES[runtime], file("serve.mjs"), name];
  const child = spawn(command, args, { cwd: file("."), env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" }, stdio: ["pipe", "pipe", "pipe"] });
  let said = ""; // frameworks log the errors that the suite has them handle
  child.stderr.on("data", (data) => (said += data));
  for await (const line of createInterface({ input: child.stdout })) return { ...JSON.parse(line), stop: () => child.kill() };
  throw new Error(`it ended before it listened: ${said}`);
}

const named = process.argv.slice(2);
const rows = [];
const reasons = new Map();
let [passed, failed] = [0, 0];
for (const [name, { runtime = "node", program, cannot = {}, ...facts }] of Object.entries(HOSTS)) {
  if (named.length > 0 && !named.includes(name)) continue;
  if (program !== undefined && spawnSync(program, ["--version"]).error !== undefined && process.env.CI === undefined) {
    console.log(`${name}: skipped, ${program} is not installed`);
    continue;
  }
  const cells = [];
  const { port, stop } = await start(name, runtime).catch((error) => ({ port: 0, stop: () => console.log(`${name}: ${error.message}`) }));
  for (const [what, test] of Object.entries(SUITE)) {
    const reason = cannot[what];
    if (reason !== undefined) {
      if (!reasons.has(reason)) reasons.set(reason, reasons.size + 1);
      cells.push(`(${reasons.get(reason)})`);
      continue;
    }
    try {
      await test({ ask: client(port), port, ...facts });
      passed++;
      cells.push("ok");
    } catch (error) {
      failed++;
      cells.push("FAILED");
      console.log(`${name}: ${what}: ${error.stack}`);
    }
  }
  stop();
  rows.push([name, ...cells]);
}

const head = ["", ...rows.map(([name]) => name)];
const table = [head, ...Object.keys(SUITE).map((what, i) => [what, ...rows.map((row) => row[i + 1])])];
const widths = head.map((_, column) => Math.max(...table.map((row) => row[column].length)));
for (const row of table) console.log(row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd());
for (const [reason, number] of reasons) console.log(`(${number}) ${reason}`);
console.log(`hosts: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
