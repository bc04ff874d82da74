// The control plane of the benchmark: the real `edgelatch serve` on SQLite, with so many keys.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const REALM = "bench";
/** Clock ticks a second in `/proc`, which Linux has fixed for programs at that. */
const TICKS = 100;

/** Bytes that a key takes at least. */
const LEAST = 20;

export const wait = (ms) => new Promise((turn) => setTimeout(turn, ms));

/** Makes a realm with so many imported keys in `dir`, unless it is there: the same keys on every machine. */
function prepare(binary, dir, keys) {
  if (existsSync(dir)) return;
  const begun = `${dir}.begun`;
  rmSync(begun, { recursive: true, force: true });
  mkdirSync(begun, { recursive: true });
  const run = (...args) => {
    const { status, stdout, stderr } = spawnSync(binary, ["--data", join(begun, "data"), "--realm", REALM, "--json", ...args], { encoding: "utf8" });
    if (status !== 0) throw new Error(`edgelatch ${args[0]}: ${stderr}`);
    return stdout;
  };
  console.error(`importing ${keys} keys into a registry, which later runs use again`);
  writeFileSync(join(begun, "init.json"), run("init", "--save-admin-key", join(begun, "administrator.PAK")));
  const file = join(begun, "keys.csv");
  const line = (n) => `${createHash("sha256").update(`benchmark key ${n}`).digest("hex")},key ${n}\n`;
  writeFileSync(file, "sha256,name\n");
  const lines = 100_000;
  for (let n = 0; n < keys; n += lines) {
    writeFileSync(file, Array.from({ length: Math.min(lines, keys - n) }, (_, at) => line(n + at)).join(""), { flag: "a" });
  }
  run("keys", "import", file, "--org", "main", "--role", "reader");
  rmSync(file);
  renameSync(begun, dir);
}

export class Plane {
  #child;
  #dir;
  #administrator;
  #addr;

  /** Starts one on a copy of what was prepared. */
  static async start(binary, dir, keys) {
    prepare(binary, dir, keys);
    const plane = new Plane();
    plane.#dir = `${dir}.run`;
    rmSync(plane.#dir, { recursive: true, force: true });
    cpSync(dir, plane.#dir, { recursive: true });
    plane.root = JSON.parse(readFileSync(join(dir, "init.json"))).root;
    plane.#administrator = readFileSync(join(dir, "administrator.PAK"), "utf8").trim();
    const args = ["--data", join(plane.#dir, "data"), "--realm", REALM, "--json", "serve", "--addr", "127.0.0.1:0"];
    const child = spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"] });
    process.on("exit", () => child.kill("SIGKILL"));
    let said = "";
    child.stderr.on("data", (data) => (said = (said + data).slice(-2000)));
    const ended = once(child, "exit").then(() => Promise.reject(new Error(`edgelatch serve ended: ${said}`)));
    ended.catch(() => {});
    const [first] = await Promise.race([once(createInterface({ input: child.stdout }), "line"), ended]);
    plane.#child = child;
    plane.#addr = JSON.parse(first).addr;
    console.error("publishing them");
    while ((await Promise.race([plane.bundleBytes(), ended])) < keys * LEAST) await wait(100);
    return plane;
  }

  get port() {
    return Number(this.#addr.split(":").at(-1));
  }

  /** Where edges read that come by `port`. */
  source(port = this.port) {
    return `http://127.0.0.1:${port}/r/${REALM}`;
  }

  /** Creates a key: its id and its text. */
  async create(name) {
    const { key, secret } = await (await this.#post("/keys", { org: "main", name, roles: ["reader"] })).json();
    return { id: key.key_id, text: secret };
  }

  /** Revokes a key. Resolves to the moment at which the answer arrived, in microseconds of this machine's monotonic clock. */
  async revoke({ id }) {
    const reply = await this.#post(`/keys/${id}/revoke`);
    const at = Number(process.hrtime.bigint() / 1000n);
    await reply.arrayBuffer();
    return at;
  }

  /** Streams that are open. */
  async streams() {
    const reply = await fetch(`http://${this.#addr}/metrics`, { headers: this.#headers });
    return Number(/^edgelatch_streams_open (\d+)$/m.exec(await reply.text())?.[1]);
  }

  /** Bytes of the bundle, which are those of the tree and its head. */
  async bundleBytes() {
    const reply = await fetch(`${this.source()}/bundle`, { method: "HEAD" });
    return Number(reply.headers.get("content-length"));
  }

  /** Milliseconds of processor time that the process has taken. */
  cpu() {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, "utf8");
    const [user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13);
    return ((Number(user) + Number(system)) * 1000) / TICKS;
  }

  async stop() {
    this.#child.kill();
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
    rmSync(this.#dir, { recursive: true, force: true });
  }

  get #headers() {
    return { authorization: `Bearer ${this.#administrator}`, "content-type": "application/json" };
  }

  async #post(path, body = {}) {
    const reply = await fetch(`http://${this.#addr}/api/v1/realms/${REALM}${path}`, { method: "POST", headers: this.#headers, body: JSON.stringify(body) });
    if (!reply.ok) throw new Error(`POST ${path} answered ${reply.status}: ${await reply.text()}`);
    return reply;
  }
}
