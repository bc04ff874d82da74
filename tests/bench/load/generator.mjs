// The load generator, a process of its own, forked by `load.mjs`: one run for each message. A run without a rate keeps every connection
// busy; one with a rate has a time for each request, and counts its latency from that time on, whether it could be sent then or not. So a
// server that stalls is not asked less while it does, and what would have come meanwhile counts as late (no coordinated omission).
import { Connection } from "./connection.mjs";

/** A run that gets no answer for so long has failed. */
const SILENCE = 5000;

async function run({ port, requests, connections, seconds, rate, most = Number.POSITIVE_INFINITY }) {
  const texts = requests.map((text) => Buffer.from(text, "latin1"));
  let next = 0;
  let answers = 0;
  const request = () => texts[next++ % texts.length];
  let [fail, finish] = [];
  const ended = new Promise((resolve, reject) => ([finish, fail] = [resolve, reject]));
  ended.catch(() => {});

  const latencies = [];
  const waiting = new Set();
  const free = [];
  const open = () => {
    let due;
    const done = () => {
      answers++;
      if (answers >= most) finish();
      if (rate === undefined) return connection.send(request());
      latencies.push(performance.now() - due.at);
      waiting.delete(due);
      free.push(take);
    };
    const connection = new Connection(port, done, (error) => fail(error));
    const take = (at) => {
      due = { at };
      if (rate !== undefined) waiting.add(due);
      connection.send(request());
    };
    return { connection, take };
  };
  const all = Array.from({ length: connections }, open);
  await Promise.race([ended, Promise.all(all.map(({ connection }) => connection.opened()))]);

  const begin = performance.now();
  const count = rate === undefined ? 0 : Math.floor(rate * seconds);
  const time = (nth) => begin + (1000 * nth) / rate;
  let sent = 0;
  let [seen, alive] = [0, begin];
  const watch = setInterval(() => {
    const now = performance.now();
    if (answers > seen) [seen, alive] = [answers, now];
    else if (now - alive > SILENCE) fail(new Error(`no answer for ${SILENCE} ms`));
  }, 100);
  for (const { take } of all) rate === undefined ? take(begin) : free.push(take);
  if (rate === undefined) setTimeout(finish, 1000 * seconds);
  else {
    const turn = () => {
      while (sent < count && free.length > 0 && time(sent) <= performance.now()) free.shift()(time(sent++));
      if (answers >= count || performance.now() > time(count) + SILENCE) finish();
      else setImmediate(turn);
    };
    turn();
  }
  try {
    await ended;
  } finally {
    clearInterval(watch);
    for (const { connection } of all) connection.close();
  }
  const end = performance.now();
  if (rate === undefined) return { answers, seconds: (end - begin) / 1000 };
  // What was not answered has taken at least until now.
  for (const { at } of waiting) latencies.push(end - at);
  for (; sent < count; sent++) latencies.push(end - time(sent));
  latencies.sort((a, b) => a - b);
  const at = (part) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))];
  return { answers, seconds: (end - begin) / 1000, p50: at(0.5), p99: at(0.99) };
}

process.on("message", (message) => {
  run(message).then(
    (answer) => process.send({ answer }),
    (error) => process.send({ error: error.message }),
  );
});
process.on("disconnect", () => process.exit());
