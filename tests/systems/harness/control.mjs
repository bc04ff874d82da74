// A control plane: the real `edgelatch` program on a directory of its own, called by command and over HTTP.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** How long a command may take before it is killed, and a call before it is given up, in milliseconds. */
const COMMAND_MS = 20_000;
const CALL_MS = 10_000;
/** The longest that heads may live: an edge whose clock runs ahead still finds them fresh. */
const HEAD_LIFETIME = "30d";

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

export class Control {
  #binary;
  #server;
  #addr = "127.0.0.1:0";
  /** Everything that was answered, printed and logged, except where a secret was created. */
  transcript = [];

  constructor(binary, realm) {
    this.#binary = binary;
    this.realm = realm;
    this.directory = mkdtempSync(join(tmpdir(), `edgelatch-${realm}-`));
  }

  /** A path in the directory. */
  file(name) {
    return join(this.directory, name);
  }

  /** `edgelatch init`; the root for edges, and the first administrator's key. */
  async init(preset) {
    const saved = this.file("administrator.PAK");
    const { code, out, err } = await this.cli(["init", "--preset", preset, "--head-lifetime", HEAD_LIFETIME, "--save-admin-key", saved]);
    if (code !== 0) throw new Error(`edgelatch init: ${err}`);
    this.root = out.root;
    this.administrator = readFileSync(saved, "utf8").trim();
  }

  /** Runs a command; its exit code, its JSON and what it said. `secret`: its output is where a secret is created. */
  async cli(args, { realm = this.realm, secret = false } = {}) {
    const child = this.#spawn([...args, "--json", "--realm", realm]);
    const timer = setTimeout(() => child.kill("SIGKILL"), COMMAND_MS);
    let [text, err] = ["", ""];
    child.stdout.on("data", (data) => (text += data));
    child.stderr.on("data", (data) => (err += data));
    const [code] = await once(child, "close");
    clearTimeout(timer);
    running.delete(child);
    this.transcript.push([`edgelatch ${args.slice(0, 2).join(" ")}`, secret ? err : text + err]);
    const json = (said) => (/^[{[]/.test(said) ? JSON.parse(said) : null);
    return { code, out: json(text), error: json(err)?.error, err };
  }

  /** `edgelatch serve`, at the same address as the last time. */
  async serve(options = []) {
    const args = ["serve", "--addr", this.#addr, "--json", "--realm", this.realm, "--publish-interval", "40ms"];
    const child = this.#spawn([...args, ...options]);
    let err = "";
    child.stderr.on("data", (data) => {
      err += data;
      this.transcript.push(["edgelatch serve", String(data)]);
    });
    const lines = createInterface({ input: child.stdout });
    const ended = once(child, "exit").then(() => Promise.reject(new Error(`edgelatch serve ended: ${err}`)));
    ended.catch(() => {});
    lines.on("line", (line) => this.transcript.push(["edgelatch serve", line]));
    const [first] = await Promise.race([once(lines, "line"), ended]);
    this.#addr = JSON.parse(first).addr;
    this.#server = child;
    return this;
  }

  /** Ends the server, and waits until it is gone. */
  async stop() {
    const child = this.#server;
    if (child === undefined) return;
    child.kill();
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    running.delete(child);
  }

  get url() {
    return `http://${this.#addr}`;
  }

  /** The URL that edges read snapshots from. */
  get source() {
    return `${this.url}/r/${this.realm}`;
  }

  /** Calls the API as a holder of `as`. A path begins below the realm, or at `/api`. */
  async rest(method, path, { body, as = this.administrator, headers = {}, realm = this.realm, secret = false } = {}) {
    const url = path.startsWith("/api") ? `${this.url}${path}` : `${this.url}/api/v1/realms/${realm}${path}`;
    const sent = { ...(as === null ? {} : { authorization: `Bearer ${as}` }), ...headers };
    if (body !== undefined) sent["content-type"] ??= "application/json";
    const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
    const reply = await fetch(url, { method, headers: sent, body: text, signal: AbortSignal.timeout(CALL_MS) });
    const said = await reply.text();
    if (!secret) this.transcript.push([`${method} ${path}`, said]);
    const json = /\bjson\b/.test(reply.headers.get("content-type") ?? "") ? JSON.parse(said) : said;
    return { status: reply.status, headers: reply.headers, body: json, ...json };
  }

  #spawn(args) {
    const env = { ...process.env };
    for (const name of Object.keys(env)) if (name.startsWith("EDGELATCH_")) delete env[name];
    const child = spawn(this.#binary, ["--data", this.file("data"), ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
    running.add(child);
    return child;
  }

  remove() {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
