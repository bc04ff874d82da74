// `node changes.mjs BINARY DIR KEYS EDGES PROCESSES`: what a change costs on its way from `edgelatch serve` to edges, and how long it takes.
// Everything is real, on Linux: the server process on SQLite, HTTP on loopback, the SDK with its wasm file. Prints one JSON object.
import { Fleet } from "./road/fleet.mjs";
import { Plane, wait } from "./road/plane.mjs";
import { relay } from "./road/relay.mjs";
import { workerdEdge } from "./road/workerd.mjs";

/** Changes of each kind that are measured. */
const ROUNDS = 21;
/** Changes before those. */
const WARM = 10;
/** Milliseconds for which nothing is changed, to know what idling takes. */
const IDLE = 5000;
/** Milliseconds between two changes, so that each is a publication of its own. */
const APART = 250;

const [binary, dir, ...numbers] = process.argv.slice(2);
const [keys, edges, processes] = numbers.map(Number);
const say = (text) => console.error(text);
const sorted = (values) => values.toSorted((a, b) => a - b);
const quantile = (values, part) => sorted(values)[Math.min(values.length - 1, Math.floor(values.length * part))];
const median = (values) => quantile(values, 0.5);

const plane = await Plane.start(binary, dir, keys);
const { root } = plane;
const figures = {};

say("creating the keys that are revoked later");
const spare = [];
while (spare.length < 3 * ROUNDS + 3 * WARM + 1) spare.push(await plane.create(`spare ${spare.length}`));

say("one connected edge and one that polls");
const [pushed, polled] = [await relay(plane.port), await relay(plane.port)];
const [connected, polling] = [new Fleet(1), new Fleet(1)];
await connected.ask("open", { root, source: plane.source(pushed.port), edges: 1, refresh: { stream: true } });
await polling.ask("open", { root, source: plane.source(polled.port), edges: 1, refresh: { mode: "manual" } });
while ((await plane.streams()) < 1) await wait(20);
/** Revokes a key, and waits until each edge of a fleet refuses it. */
async function revoked(fleet, act = "watch") {
  const key = spare.pop();
  const answers = fleet.ask(act, { text: key.text, code: "revoked" });
  const at = await plane.revoke(key);
  return { at, answers: await answers };
}
await connected.ask("watch", { text: spare.at(-1).text, code: "valid" });
// What runs for the first time is compiled, and one of the first changes has the bundle written.
for (let round = 0; round < WARM; round++) await revoked(connected);
await polling.ask("refresh");

{
  /** Processor time of server and edge while something is done so many times, and for how long. */
  const used = async (act) => {
    const [server, edge, begun] = [plane.cpu(), await connected.one("cpu"), performance.now()];
    for (let round = 0; round < ROUNDS; round++) {
      await act();
      await wait(APART);
    }
    // Bundles that were left for later belong to the changes before.
    await wait(IDLE);
    return { server: plane.cpu() - server, edge: (await connected.one("cpu")) - edge, time: performance.now() - begun };
  };
  const bytes = [];
  const gone = spare.at(-1);
  await revoked(connected);
  // The edge's process is asked as often as when something changes, and answers at once: what that takes is not the update's.
  const idle = await used(() => connected.ask("watch", { text: gone.text, code: "revoked" }));
  const busy = await used(async () => {
    const passed = pushed.bytes();
    await revoked(connected);
    bytes.push(pushed.bytes() - passed);
  });
  const beyond = (whose) => (busy[whose] - (idle[whose] / idle.time) * busy.time) / ROUNDS;
  figures.publish_cpu = beyond("server");
  figures.apply_cpu = beyond("edge");
  figures.idle_cpu = (idle.server / idle.time) * 1000;
  figures.connected_bytes = median(bytes);
}
{
  const [all, stalls] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    const passed = polled.bytes();
    const { answers } = await revoked(connected, "stall");
    stalls.push(answers[0]);
    await polling.ask("refresh");
    all.push(polled.bytes() - passed);
    await wait(APART);
  }
  figures.polling_bytes = median(all);
  const passed = polled.bytes();
  await polling.ask("refresh");
  figures.idle_poll_bytes = polled.bytes() - passed;
  figures.stall = median(stalls.map(([time]) => time));
  figures.worst_stall = Math.max(...stalls.map(([time]) => time));
  figures.stall_work = median(stalls.map(([, work]) => work));
}
figures.tree_bytes = await plane.bundleBytes();
say(`so far: ${JSON.stringify(figures)}`);
figures.memory = await connected.one("memory");
connected.end();
polling.end();
{
  say("an edge in workerd");
  const edge = await workerdEdge(root, plane.source());
  const sizes = [];
  for (let round = 0; round <= WARM; round++) {
    if (round > 0) await plane.revoke(spare.pop());
    await wait(APART);
    await edge.refresh();
    sizes.push(edge.added());
  }
  figures.workerd = { first: sizes[0], most: Math.max(...sizes) };
  edge.stop();
}

say(`${edges} edges in ${processes} processes, each with a tree of its own`);
const fleet = new Fleet(processes);
await fleet.ask("open", { root, source: plane.source(), edges: edges / processes, refresh: { stream: true } });
while ((await plane.streams()) < edges) await wait(50);
await fleet.ask("watch", { text: spare.at(-1).text, code: "valid" });
for (let round = 1; round < WARM; round++) await revoked(fleet);
const times = [];
const server = plane.cpu();
for (let round = 0; round < ROUNDS; round++) {
  const { at, answers } = await revoked(fleet);
  times.push(...answers.flat().map((time) => (time - at) / 1000));
  await wait(APART);
}
figures.fleet_publish_cpu = (plane.cpu() - server) / ROUNDS;
figures.refused = { p50: median(times), p99: quantile(times, 0.99), most: Math.max(...times) };
fleet.end();
await plane.stop();
console.log(JSON.stringify(figures));
process.exit(0);
