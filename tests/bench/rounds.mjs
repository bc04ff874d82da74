// Interleaved rounds over running contenders: what the machine does meanwhile meets all of them alike, and each is compared with the bare
// server of its family in the same round.
import { usedBy } from "./machine.mjs";
import { median } from "./statistics.mjs";

/** The part of what a server can do at which latencies are measured. */
export const PART = 0.7;

/** Requests after which code has been compiled for speed, and seconds that they may take. */
const WARM = { most: 20_000, seconds: 12 };

/**
 * Loads each of `running`, `[{ contender, server }]`, once in every round, beginning with another one each time. One that fails is told of,
 * stopped and left out from then on; its result says why.
 */
async function interleave(running, count, say, run) {
  for (let round = 0; round < count; round++) {
    say(`round ${round + 1} of ${count}`);
    const first = round % running.length;
    for (const one of [...running.slice(first), ...running.slice(0, first)]) {
      if (one.error !== undefined) continue;
      try {
        await run(one, round);
      } catch (error) {
        one.error = error.message;
        one.server?.stop();
        say(`${one.contender.id}: ${error.message}`);
      }
    }
  }
}

/** Fills `runs` of each with what it did in a round: answers a second, CPU time an answer, and the part of the time for which it was busy. */
export async function capacity(running, load, { rounds, seconds }, say) {
  await interleave(running, 1, () => say("warming up"), async ({ server }) => {
    await load.run(server, WARM.seconds, WARM);
    // Node 20's `process.nextTick`, which each request calls several times, takes longer from the first full collection on that finds its queue
    // empty. Every server meets that one some day; within these rounds it would meet some by chance.
    await server.collect?.();
  });
  await interleave(running, rounds, (text) => say(`as many requests as there can be, ${text}`), async (one, round) => {
    const before = usedBy(one.server.pid);
    const { answers, seconds: time } = await load.run(one.server, seconds);
    const after = usedBy(one.server.pid);
    if (answers === 0) throw new Error("it answered nothing");
    const cpu = before === undefined ? undefined : after.cpu - before.cpu;
    one.runs[round] = { rate: answers / time, cpu: (1e6 * cpu) / answers, busy: cpu / time };
    one.resident = after?.resident;
  });
}

/** Fills `latencies` of each: at a fixed rate, {@link PART} of what it did. */
export async function latency(running, load, { rounds, seconds }, say) {
  await interleave(running, rounds, (text) => say(`at ${PART} of that, ${text}`), async (one) => {
    one.fixed ??= Math.floor(PART * median(one.runs.filter(Boolean).map(({ rate }) => rate)));
    const { p50, p99 } = await load.run(one.server, seconds, { rate: one.fixed });
    one.latencies.push({ p50, p99 });
  });
}
