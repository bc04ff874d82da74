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

const answers = {
  async open({ root, source, edges, refresh }) {
    const onError = (error) => console.error(`an edge: ${error.message}`);
    for (let edge = 0; edge < edges; edge++) verifiers.push(await createVerifier({ root, source, refresh, onError }));
    for (const verifier of verifiers) await verifier.refresh();
  },

  /** When each edge judged a key so for the first time, in microseconds of this machine's monotonic clock; looked at every so often. */
  watch({ text, code, every = 1 }) {
    const waiting = new Set(verifiers);
    const times = [];
    return new Promise((done) => {
      const look = setInterval(() => {
        for (const verifier of waiting) {
          if (verifier.verifyKey(text).code !== code) continue;
          times.push(Number(process.hrtime.bigint() / 1000n));
          waiting.delete(verifier);
        }
        if (waiting.size > 0) return;
        clearInterval(look);
        done(times);
      }, every);
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
