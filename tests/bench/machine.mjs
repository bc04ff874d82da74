// What the machine offers: cores for servers and load generator, and how much a process takes of it.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem, type } from "node:os";

/** Clock ticks a second in `/proc`, the same on every Linux that there is. */
const TICKS = 100;
const CORES = availableParallelism();

/** The core for servers, and the one for the load generator. */
export const [SERVER, GENERATOR] = [0, 1];

/** Whether processes can be told which core to use. */
export const pinned = CORES > 1 && quietly(() => execFileSync("taskset", ["-p", String(process.pid)])) !== undefined;

/** Keeps a process with all its threads on one core. */
export function pin(pid, core) {
  if (pinned) execFileSync("taskset", ["-a", "-p", "-c", String(core), String(pid)], { stdio: "ignore" });
}

/** Seconds of CPU time that a process has used, and bytes of it in memory; `undefined` where there is no `/proc`. */
export function usedBy(pid) {
  const stat = quietly(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return { cpu: (Number(fields[11]) + Number(fields[12])) / TICKS, resident: 1024 * Number(resident) };
}

/** What it is, for whoever compares. */
export const machine = `${cpus()[0]?.model.trim() ?? "unknown processor"}, ${CORES} cores, ${Math.round(totalmem() / 2 ** 30)} GB, ${type()} ${release()}`;

function quietly(call) {
  try {
    return call();
  } catch {
    return undefined;
  }
}
