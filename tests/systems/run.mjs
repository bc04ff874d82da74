// Walks each system's documentation on the real thing: `node tests/systems/run.mjs EDGELATCH [--only vergeos,…] [--json]`.
// EDGELATCH is the program's path; the packed SDK must be staged in tests/.
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { walk } from "./harness/walk.mjs";

const SYSTEMS = ["vergeos", "vergecloud", "ipaware", "valar"];
const { values, positionals } = parseArgs({ allowPositionals: true, options: { only: { type: "string" }, json: { type: "boolean" } } });
const chosen = values.only?.split(",") ?? SYSTEMS;
const unknown = chosen.filter((name) => !SYSTEMS.includes(name));
if (positionals.length !== 1 || unknown.length > 0) {
  console.error(`usage: run.mjs EDGELATCH [--only ${SYSTEMS.join(",")}] [--json]`);
  process.exit(2);
}
const binary = resolve(positionals[0]);
const print = (line) => (values.json ? console.error(line) : console.log(line));

const walked = chosen.map(async (name) => {
  const scenario = (await import(`./${name}.mjs`)).default;
  const lines = [];
  try {
    return await walk(scenario, binary, (line) => lines.push(line));
  } catch (error) {
    lines.push(`FAIL ${scenario.system}: ${error.stack}`);
    return [{ system: scenario.system, promise: "the walk reaches its end", got: String(error), ok: false }];
  } finally {
    lines.forEach(print);
  }
});
const results = (await Promise.all(walked)).flat();
const passed = results.filter(({ ok }) => ok).length;
const failed = results.length - passed;
print(`systems: ${passed} passed, ${failed} failed`);
const summary = values.json ? `${JSON.stringify({ passed, failed, steps: results }, null, 1)}\n` : "";
// Ends when all output has been written, and does not wait for servers that a failed walk left running.
process.stdout.write(summary, () => process.exit(failed === 0 ? 0 : 1));
