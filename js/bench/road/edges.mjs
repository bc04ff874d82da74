// A process of the benchmark with edges in it, forked by `fleet.mjs`: does what it is told, one message at a time.
import { createVerifier } from "edgelatch";

/** Memories of all instances of the core. */
const memories = [];
const { Instance } = WebAssembly;
WebAssembly.Instance = class extends Instance {
  constructor(...given) {
    super(...given);
    memories.push(this.exports.memory);
  }
};
const taken = () => memories.reduce((sum, { buffer }) => sum + buffer.byteLength, process.memoryUsage().arrayBuffers);

const verifiers = [];
let most = 0;
globalThis.gc?.();
const { rss } = process.memoryUsage();

/** What is done when an edge says that it took an update over: nothing, unless somebody waits. */
let onUpdate = (_verifier) => {};

const answers = {
  async open({ root, source, edges, refresh }) {
    const onError = (error) => console.error(`an edge: ${error.message}`);
    for (let edge = 0; edge < edges; edge++) {
      // What it begins with is an update too, of which nobody hears.
      verifiers[edge] = await createVerifier({ root, source, refresh, onError, onUpdate: () => verifiers[edge] && onUpdate(verifiers[edge]) });
    }
    for (const verifier of verifiers) await verifier.refresh();
  },

  /**
   * When each edge judged a key so for the first time, in microseconds of this machine's monotonic clock. Each is looked at now, and whenever it
   * took an update over: to look again and again would take the time of those that have not yet.
   */
  watch({ text, code }) {
    const waiting = new Set(verifiers);
    const times = [];
    return new Promise((done) => {
      onUpdate = (verifier) => {
        if (verifier.verifyKey(text).code !== code || !waiting.delete(verifier)) return;
        times.push(Number(process.hrtime.bigint() / 1000n));
        if (waiting.size === 0) done(times);
      };
      verifiers.forEach((verifier) => onUpdate(verifier));
    });
  },

  /**
   * The longest time without a turn of the event loop until the first edge judges a key so, in milliseconds of the clock, and of this
   * process's own work.
   */
  stall({ text, code }) {
    let [time, work, last, done] = [0, 0, performance.now(), answers.cpu()];
    return new Promise((resolve) => {
      const turn = () => {
        const [now, used] = [performance.now(), answers.cpu()];
        [time, work, last, done] = [Math.max(time, now - last), Math.max(work, used - done), now, used];
        most = Math.max(most, taken());
        if (verifiers[0].verifyKey(text).code === code) resolve([time, work]);
        else setImmediate(turn);
      };
      turn();
    });
  },

  async refresh() {
    for (const verifier of verifiers) await verifier.refresh();
  },

  /** Milliseconds of processor time that this process has taken. */
  cpu() {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },

  /** Bytes: of the core's memories and of buffers beside them, at most and now; resident ones that were added since the process began. */
  memory() {
    globalThis.gc?.();
    const now = taken();
    return { most: Math.max(most, now), now, resident: process.memoryUsage().rss - rss };
  },
};

process.on("disconnect", () => process.exit(0));
process.on("message", async ({ act, ...given }) => {
  try {
    process.send({ answer: (await answers[act](given)) ?? null });
  } catch (error) {
    process.send({ error: `${act}: ${error.stack}` });
  }
});
process.send({ answer: "ready" });
