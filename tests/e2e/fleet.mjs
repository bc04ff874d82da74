// A revocation is waited for until every edge has it, over the real server, command and edges in Node: `node tests/e2e/fleet.mjs EDGELATCH`,
// where EDGELATCH is the command's path; the packed SDK must be staged in tests/.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Control } from "../systems/harness/control.mjs";
import { end, step, until } from "./steps.mjs";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));

function check(holds, what) {
  if (!holds) throw new Error(what);
}

const control = new Control(resolve(process.argv[2]), "acme");
await control.init("default");
await control.serve();
const key = (await control.cli(["keys", "create", "--name", "edges", "--role", "edge"], { realm: "management", secret: true })).out.secret;

/** What stands between one edge and the server; once cut, nothing comes through any more, and no connection ends by that. */
function proxy() {
  const { port } = new URL(control.url);
  const pairs = [];
  const state = { cut: false };
  const server = createServer((from) => {
    if (state.cut) return;
    const to = connect(Number(port), "127.0.0.1");
    pairs.push([from, to]);
    from.on("data", (data) => state.cut || to.write(data)).on("error", () => {}).on("close", () => to.destroy());
    to.on("data", (data) => state.cut || from.write(data)).on("error", () => {}).on("close", () => from.destroy());
  });
  return new Promise((ready) => server.listen(0, "127.0.0.1", () => ready({ state, url: `http://127.0.0.1:${server.address().port}`, stop: () => (pairs.flat().forEach((socket) => socket.destroy()), server.close()) })));
}

function edge(name, url = control.url) {
  const env = { ...process.env, EDGELATCH_ROOT: control.root, EDGELATCH_SOURCE: `${url}/r/acme`, EDGELATCH_API: url, EDGELATCH_KEY: key, EDGELATCH_NAME: name };
  const child = spawn(process.execPath, [file("fleet-edge.mjs")], { env, stdio: ["pipe", "inherit", "inherit"] });
  process.on("exit", () => child.kill("SIGKILL"));
  return { name, child, ended: once(child, "exit") };
}

const revoke = async (patience) => {
  const name = `key ${Math.random()}`;
  const { key_id } = (await control.cli(["keys", "create", "--name", name, "--role", "reader"], { secret: true })).out.key;
  const child = spawn(resolve(process.argv[2]), ["--data", control.file("data"), "--realm", "acme", "keys", "revoke", key_id, "--wait", patience], { stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  child.stdout.on("data", (data) => (out += data));
  const [code] = await once(child, "close");
  const { body } = await control.rest("GET", `/keys/${key_id}`);
  check(body.state === "revoked", "the revocation does not stand");
  return { code, out };
};
const fleet = async () => (await control.rest("GET", "/fleet")).body;

const cut = await proxy();
const edges = [edge("fra-1"), edge("ams-1"), edge("ams-1"), edge("behind-a-wall", cut.url)];
const [frozen, walled] = [edges[0], edges[3]];

await step("a revocation is everywhere", async () => {
  await until("four edges report", async () => (await fleet()).live === 4);
  const { code, out } = await revoke("60s");
  check(code === 0 && /revoked everywhere: 4 edges, \d+\.\d\d s/.test(out), `${code}: ${out}`);
  console.log(out.trim().split("\n").at(-1));
});
await step("an edge that is frozen is named, and one that nothing reaches", async () => {
  frozen.child.kill("SIGSTOP");
  cut.state.cut = true;
  const { code, out } = await revoke("4s");
  check(code === 1 && /2 of 4 edges lack change/.test(out), `${code}: ${out}`);
  check(out.includes("fra-1") && out.includes("behind-a-wall") && !out.includes("ams-1"), out);
});
await step("once it goes on it has it, and is waited for no more", async () => {
  frozen.child.kill("SIGCONT");
  cut.stop();
  walled.child.kill("SIGKILL");
  const { change } = await fleet();
  await until("the frozen edge has it", async () => (await fleet()).edges.every(({ name }) => name === "behind-a-wall"));
  const { body } = await control.rest("GET", `/fleet?change=${change}&wait=1`);
  // It says nothing any more, and may be there.
  check(!body.everywhere && body.lacking === 1 && body.edges[0].name === "behind-a-wall", JSON.stringify(body));
});
await step("an edge that ends is off the list", async () => {
  for (const { child, ended } of edges.filter((edge) => edge !== walled)) {
    child.stdin.end();
    await ended;
  }
  await until("one is left", async () => (await fleet()).live === 1);
});

await control.stop();
control.remove();
end("fleet");
