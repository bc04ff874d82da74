// The suite on every host, or on those named, over the packed package: `node tests/hosts/run.mjs [--write] [koa3 "hono bun"]`.
// Without names, and with all of them, the table in js/docs/hosts.md is compared, or written. What is in Rust is built by `cargo test --workspace --no-run`, what runs on Fastly as
// crates/fastly/README.md says, into target/fastly.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import "./beside.mjs";
import { HOSTS } from "./hosts.mjs";
import { client, SUITE } from "./suite.mjs";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const tool = (name) => file(`../../js/node_modules/.bin/${name}`);

const RUNTIMES = { node: [process.execPath], deno: [tool("deno"), "run", "-A", "--node-modules-dir=manual"], bun: [tool("bun")] };

async function start(name, runtime, program) {
  const [command, ...args] = program === undefined ? [...RUNTIMES[runtime], file("serve.mjs"), name] : [file(`../../${program}`)];
  if (!existsSync(command)) throw new Error(`${command} is not built`);
  const child = spawn(command, args, { cwd: file("."), env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" }, stdio: ["pipe", "pipe", "pipe"] });
  let said = ""; // frameworks log the errors that the suite has them handle
  child.stderr.on("data", (data) => (said += data));
  for await (const line of createInterface({ input: child.stdout })) return { ...JSON.parse(line), stop: () => child.kill() };
  throw new Error(`it ended before it listened: ${said}`);
}

/** The version of a framework, as the lock files have it. */
function versionOf({ package: name, crate }) {
  if (crate !== undefined) return readFileSync(file("../../Cargo.lock"), "utf8").match(`name = "${crate}"\nversion = "(.*)"`)[1];
  return name === undefined ? "" : JSON.parse(readFileSync(file(`node_modules/${name}/package.json`), "utf8")).version;
}

const PAGE = file("../../js/docs/hosts.md");
const [BEGIN, END] = ["<!-- tried: begin -->\n", "<!-- tried: end -->"];
const named = process.argv.slice(2).filter((word) => word !== "--write");
const rows = [];
const reasons = new Map();
let [passed, failed, skipped] = [0, 0, false];
for (const [name, { runtime = "node", program, needs, cannot = {}, ...facts }] of Object.entries(HOSTS)) {
  if (named.length > 0 && !named.includes(name)) continue;
  if (needs !== undefined && spawnSync(needs, ["--version"]).error !== undefined && process.env.CI === undefined) {
    console.log(`${name}: skipped, ${needs} is not installed`);
    skipped = true;
    continue;
  }
  const cells = [];
  const { port, stop } = await start(name, runtime, program).catch((error) => ({ port: 0, stop: () => console.log(`${name}: ${error.message}`) }));
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

/** What the page shows: host by host what was tried, and what is not there. */
function shown() {
  const lines = rows.map(([name, ...cells]) => {
    const without = Object.keys(SUITE).flatMap((what, i) => (cells[i] === "ok" ? [] : [`${what} ${cells[i]}`]));
    return `| ${name} | ${versionOf(HOSTS[name])} | ${cells.filter((cell) => cell === "ok").length} | ${without.join(", ")} |\n`;
  });
  const notes = [...reasons].map(([reason, number]) => `(${number}) ${reason}.\n`);
  return `Tried on each: ${Object.keys(SUITE).join(", ")}.\n\n| host | version | of ${Object.keys(SUITE).length} hold | not tried |\n|---|---|---|---|\n${lines.join("")}\n${notes.join("")}`;
}
if (named.length === 0 && !skipped) {
  const page = readFileSync(PAGE, "utf8");
  const written = `${page.split(BEGIN)[0]}${BEGIN}${shown()}${END}${page.split(END)[1]}`;
  if (process.argv.includes("--write")) writeFileSync(PAGE, written);
  if (readFileSync(PAGE, "utf8") === written) passed++;
  else {
    failed++;
    console.log("js/docs/hosts.md: the table is out of date: --write writes it");
  }
}
console.log(`hosts: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
