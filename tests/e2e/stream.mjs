// New epochs reach edges over the stream of the real server, on each runtime that has timers: `node tests/e2e/stream.mjs EDGELATCH`,
// where EDGELATCH is the command's path; the packed SDK must be staged in tests/.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Control } from "../systems/harness/control.mjs";
import { end, LONG, step, until } from "./steps.mjs";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const tool = (name) => file(`../../js/node_modules/.bin/${name}`);
const RUNTIMES = { node: [process.execPath], deno: [tool("deno"), "run", "-A", "--node-modules-dir=manual"], bun: [tool("bun")] };

const control = new Control(resolve(process.argv[2]), "acme");
await control.init("vergeos");
await control.serve();

/** The figure of that name. */
async function metric(name) {
  const reply = await fetch(`${control.url}/metrics`, { headers: { authorization: `Bearer ${control.administrator}` } });
  return Number((await reply.text()).match(new RegExp(`^${name} (\\d+)$`, "m"))?.[1]);
}

/** Edges that would look at the source once an hour; each tells its epoch, and what goes wrong. */
const edges = Object.entries(RUNTIMES).map(([name, [program, ...args]]) => {
  const env = { ...process.env, EDGELATCH_ROOT: control.root, EDGELATCH_SOURCE: control.source, DENO_NO_UPDATE_CHECK: "1" };
  const child = spawn(program, [...args, file("stream-edge.mjs")], { env, stdio: ["pipe", "pipe", "inherit"] });
  process.on("exit", () => child.kill("SIGKILL"));
  const edge = { name, child, epoch: 0, errors: [], asked: [], ended: once(child, "exit") };
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { epoch, error, asked } = JSON.parse(line);
    if (epoch !== undefined) edge.epoch = epoch;
    if (error !== undefined) edge.errors.push(error);
    if (asked !== undefined) edge.asked.push(asked);
  });
  return edge;
});
const streams = () => until("each edge has a stream", async () => (await metric("edgelatch_streams_open")) === edges.length);

async function publish(name) {
  const before = Math.max(...edges.map(({ epoch }) => epoch));
  const { status } = await control.rest("POST", "/keys", { body: { org: "main", name }, secret: true });
  if (status !== 201) throw new Error(`the key was not created: ${status}`);
  for (const edge of edges) {
    await until(`${edge.name} has the new epoch`, () => {
      if (edge.errors.length > 0) throw new Error(`${edge.name}: ${edge.errors.join(", ")}`);
      return edge.epoch > before;
    });
  }
}

await step("what is published is served at once", async () => {
  await streams();
  await publish("one"); // the publisher has only just begun, and knows of no tree before
  for (const edge of edges) edge.asked.length = 0;
  await publish("two");
  for (const { name, asked } of edges) if (asked.length > 0) throw new Error(`${name} asked for ${asked.join(", ")}, which the stream had brought`);
});
await step("a server that is restarted gets its streams back", async () => {
  await control.stop();
  await control.serve();
  await streams();
  for (const edge of edges) edge.errors.length = 0; // the server may have been away for long enough to be missed
  await publish("three");
});
for (const { name, child, ended } of edges) {
  await step(`${name}: a stream keeps no process alive`, async () => {
    child.stdin.end();
    const late = new Promise((_, reject) => setTimeout(reject, LONG, new Error("it is still there")).unref());
    const [code] = await Promise.race([ended, late]);
    if (code !== 0) throw new Error(`it ended with ${code}`);
  });
}
await step("streams that ended are not counted", () => until("no stream is open", async () => (await metric("edgelatch_streams_open")) === 0));

await control.stop();
control.remove();
end("stream");
