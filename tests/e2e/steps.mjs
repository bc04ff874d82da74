// Steps of an end-to-end test: each is told of if it fails, and they are counted at the end.

/** Far above what is waited for: the longest is the time over which edges spread their return to a stream, ten seconds. */
export const LONG = 60_000;

const counts = { passed: 0, failed: 0 };

export async function step(name, run) {
  try {
    await run();
    counts.passed++;
  } catch (error) {
    counts.failed++;
    console.log(`${name}: ${error.message}`);
  }
}

/** Waits until something holds, {@link LONG} at most. */
export async function until(what, holds) {
  for (const end = Date.now() + LONG; !(await holds()); ) {
    if (Date.now() > end) throw new Error(`${what}: not after ${LONG} ms`);
    await new Promise((turn) => setTimeout(turn, 20));
  }
}

/** Ends the process with what came of all steps. */
export function end(test) {
  console.log(`${test}: ${counts.passed} passed, ${counts.failed} failed`);
  process.exit(counts.failed > 0 ? 1 : 0);
}
