// A program for Fastly Compute in Viceroy, and the host of published files that it reads.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const VICEROY = "viceroy";
/** Where the programs are. */
export const RELEASE = new URL("../../../target/fastly/wasm32-wasip1/release/", import.meta.url);
const directory = mkdtempSync(join(tmpdir(), "edgelatch-fastly-"));
const running = new Set();
const end = () => {
  for (const child of running) child.kill("SIGKILL");
  rmSync(directory, { recursive: true, force: true });
};
process.on("exit", end);
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(1));

/** The objects of a bundle by their digests: whatever a slot of one names. */
export function objectsOf(bundle) {
  const digests = new Map();
  let at = 16 + bundle.readUInt32LE(8);
  const slots = [];
  // A slot is a digest and a length; in each object before the shards they stand at places that its form says.
  const take = (length) => {
    const object = bundle.subarray(at, (at += length));
    digests.set(createHash("sha256").update(object).digest("hex"), object);
    return object;
  };
  const slot = (object, from) => slots.push({ digest: object.toString("hex", from, from + 32), length: object.readUInt32LE(from + 32) });
  const top = take(bundle.readUInt32LE(12));
  slot(top, 16);
  for (let i = 0; i < top.readUInt32LE(52); i++) slot(top, 56 + 36 * i);
  for (let known = 0; at < bundle.length; known++) {
    const object = take(slots[known].length);
    if (object.toString("latin1", 0, 4) === "ELPG") for (let i = 0; i < object.readUInt16LE(6); i++) slot(object, 8 + 36 * i);
    if (object.toString("latin1", 0, 4) === "ELDR") chunks(object, slot);
  }
  return digests;
}

function chunks(directory, slot) {
  for (let table = 0, from = 12; table < 4; table++) {
    const count = directory.readUInt32LE(from);
    from += 4;
    for (let i = 0; i < count; i++, from += 40) slot(directory, from + 4);
  }
}

/** Serves what was published last, and says what was asked for. */
export async function origin() {
  const state = { files: new Map(), asked: [], headers: [], away: false };
  const server = createServer((request, response) => {
    const path = request.url.replace("/r/acme/", "");
    // Viceroy asks for `/` when it begins, to see that its backend is there.
    if (path !== "/") {
      state.asked.push(path);
      state.headers.push(request.headers);
    }
    const file = state.away ? undefined : state.files.get(path);
    response.writeHead(state.away ? 503 : file === undefined ? 404 : 200).end(file);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${server.address().port}`;
  const publish = ({ head, bundle }) => {
    for (const [digest, object] of objectsOf(bundle)) state.files.set(`objects/${digest}`, object);
    state.files.set("bundle", bundle).set("head", head);
  };
  return Object.assign(state, { url, source: `${url}/r/acme`, publish, close: () => server.close() });
}

async function freePort() {
  const server = createSocket();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address();
  server.close();
  return port;
}

/** What Viceroy gives a program: settings, the backend `keys`, and KV stores by their names, each a map of its keys. */
function manifest(name, settings, url, stores) {
  const contents = Object.entries(settings).map(([key, value]) => `${key} = ${JSON.stringify(String(value))}\n`);
  const kept = Object.entries(stores).map(([store, items]) => {
    const rows = [...items].map(([key, bytes], i) => {
      const file = join(directory, `${name}-${store}-${i}`);
      writeFileSync(file, bytes);
      return `{ key = ${JSON.stringify(key)}, file = ${JSON.stringify(file)} }`;
    });
    return `${store} = [${rows.join(", ")}]\n`;
  });
  return `manifest_version = 3
[local_server.kv_stores]
${kept.join("")}[local_server.config_stores.edgelatch]
format = "inline-toml"
[local_server.config_stores.edgelatch.contents]
${contents.join("")}[local_server.backends.keys]
url = "${url}"
`;
}

let started = 0;

/** Starts a program with these settings; resolves to its port once it answers, to what it writes, and how it is ended. */
export async function viceroy(program, settings, url, stores = {}) {
  const [port, name] = [await freePort(), `${program}-${started++}`];
  const config = join(directory, `${name}.toml`);
  writeFileSync(config, manifest(name, settings, url, stores));
  const child = spawn(VICEROY, ["-C", config, "--addr", `127.0.0.1:${port}`, fileURLToPath(new URL(`${program}.wasm`, RELEASE))], { stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  const said = { text: "" };
  for (const pipe of [child.stdout, child.stderr]) pipe.on("data", (data) => (said.text += data));
  const failed = once(child, "exit").then(() => Promise.reject(new Error(`viceroy ended: ${said.text}`)));
  failed.catch(() => running.delete(child));
  const answers = async () => {
    for (;;) {
      const reached = await fetch(`http://127.0.0.1:${port}/`).then((reply) => reply.arrayBuffer(), () => undefined);
      if (reached !== undefined) return;
      await new Promise((turn) => setTimeout(turn, 50));
    }
  };
  await Promise.race([answers(), failed]);
  return { port, said, stop: () => child.kill("SIGKILL") };
}

/** The suite's routes. */
export async function serve() {
  const { roots, snapshots, start } = JSON.parse(readFileSync(new URL("../../runtimes/fixture.json", import.meta.url), "utf8"));
  const realm = await origin();
  realm.publish({ head: Buffer.from(snapshots.first.head, "base64"), bundle: Buffer.from(snapshots.first.bundle, "base64") });
  const { port } = await viceroy("edgelatch-host-fastly", { root: roots[0], source: realm.source, now: start + 10 }, realm.url);
  return port;
}
