// `node run.mjs DIR [--quick]`: what the check costs without a server around it. Prints microseconds and bytes as one JSON object.
import { fork } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pin, SERVER } from "../machine.mjs";
import { spread } from "../statistics.mjs";
import { growth } from "./growth.mjs";

const [dir, flag] = process.argv.slice(2);
const quick = flag === "--quick";
const SIZES = quick ? [1000, 100_000] : [1000, 1_000_000];
const LINES = [5, 15, 40];
/** Rounds that count, and before those. */
const [ROUNDS, WARM] = quick ? [3, 2] : [21, 5];

pin(process.pid, SERVER);

/** An edge over so many keys in a process of its own, and a function that has it run a round. */
function edge(keys, reports = "off") {
  const child = fork(fileURLToPath(new URL("edge.mjs", import.meta.url)), [join(dir, String(keys)), reports]);
  process.on("exit", () => child.kill());
  return (what) =>
    new Promise((resolve, reject) => {
      const ended = (code) => reject(new Error(`an edge ended with ${code}`));
      child.once("exit", ended).once("message", (time) => {
        child.removeListener("exit", ended);
        resolve(time);
      });
      child.send(what);
    });
}

const edges = new Map(SIZES.map((keys) => [keys, edge(keys)]));
const [small] = edges.values();
const cases = [
  ...SIZES.flatMap((keys) => LINES.map((lines) => ({ keys, lines, run: edges.get(keys), times: [] }))),
  { name: "function", lines: LINES[0], requirement: "function", run: small, times: [] },
  { name: "usage", lines: LINES[0], run: edge(SIZES[0], "on"), times: [] },
];
for (let round = -WARM; round < ROUNDS; round++) {
  for (const { lines, requirement, run, times } of cases) {
    const time = await run({ lines, requirement });
    if (round >= 0) times.push(time);
  }
}
const identity = cases.filter(({ keys }) => keys !== undefined).map(({ keys, lines, times }) => ({ keys, lines, time: spread(times) }));
const [data, chosen, reporting] = [cases[0], ...cases.slice(-2)];
const added = spread(reporting.times.map((time, round) => time - data.times[round]));
console.log(
  JSON.stringify({
    identity,
    requirement: { data: spread(data.times), function: spread(chosen.times) },
    usage: { on: spread(reporting.times), added },
    growth: await growth(quick ? 100_000 : 10_000_000),
  }),
);
process.exit(0);
