// What steps share: the control plane, the edge, the keys made so far.
import { readFileSync, statSync } from "node:fs";

export const DAY_MS = 86_400_000;

export class World {
  /** Secrets by the name of the step's own choice; each is replaced in whatever is printed. */
  secrets = {};
  ids = {};
  #all = [];
  #managers = new Set(["administrator"]);

  constructor(control, scenario) {
    this.control = control;
    this.scenario = scenario;
  }

  keepFile(name, key_id, path) {
    this.keep(name, key_id, readFileSync(path, "utf8").trim());
  }

  /** Secrets of the realm's own keys. */
  issued() {
    return Object.entries(this.secrets).filter(([name]) => !this.#managers.has(name)).map(([, secret]) => secret);
  }

  keep(name, key_id, secret) {
    this.secrets[name] = secret;
    this.ids[name] = key_id;
    this.#all.push(secret);
  }

  rest(method, path, options) {
    return this.control.rest(method, path, options);
  }

  cli(...args) {
    return this.control.cli(args);
  }

  /** Creates a key over REST in the org that `init` made, and keeps its secret under `as`. */
  async create(body, { as = body.name, headers, by } = {}) {
    const reply = await this.rest("POST", "/keys", { body: { org: "main", ...body }, headers, as: by, secret: true });
    if (reply.secret) this.keep(as, reply.key.key_id, reply.secret);
    return reply;
  }

  /** Gives a key a new secret, which replaces the kept one; the old one is kept as `NAME, old`. */
  async rotate(name, body, options) {
    const reply = await this.rest("POST", `/keys/${this.ids[name]}/rotate`, { body, secret: true, ...options });
    if (reply.secret) {
      this.keep(`${name}, old`, this.ids[name], this.secrets[name]);
      this.keep(name, this.ids[name], reply.secret);
    }
    return reply;
  }

  /** Creates a key by command, which saves its secret in a file; the file's name, mode and content. */
  async createSaved(name, args) {
    const path = this.control.file(`${name}.PAK`);
    const said = await this.cli("keys", "create", "--org", "main", "--name", name, "--save", path, ...args);
    const secret = said.code === 0 ? readFileSync(path, "utf8").trim() : undefined;
    if (secret) this.keep(name, said.out.key.key_id, secret);
    return { ...said, secret, mode: said.code === 0 ? (statSync(path).mode & 0o777).toString(8) : undefined };
  }

  async key(name) {
    return (await this.rest("GET", `/keys/${this.ids[name]}`)).body;
  }

  edit(name, body, options) {
    return this.rest("PATCH", `/keys/${this.ids[name]}`, { body, ...options });
  }

  /** Keys as the table shows them. */
  async list(query = "") {
    return (await this.rest("GET", `/keys${query}`)).keys;
  }

  /** What the edge says to a kept key. */
  ask(name, options) {
    return this.edge.ask(this.secrets[name], options);
  }

  until(code, name, options) {
    return this.edge.until(code, this.secrets[name], options);
  }

  /** Verdicts over a kept key from several addresses. */
  async from(name, addresses) {
    const said = {};
    for (const from of addresses) said[from] = (await this.ask(name, { from })).code;
    return said;
  }

  explain(name, body) {
    return this.rest("POST", `/keys/${this.ids[name]}/explain`, { body });
  }

  /** A management key with one role, by command. */
  async manager(role, name = role, more = []) {
    const path = this.control.file(`${name}.PAK`);
    const args = ["keys", "create", "--name", name, "--role", role, "--save", path, ...more];
    const { code, err, out } = await this.control.cli(args, { realm: "management" });
    if (code !== 0) throw new Error(`no management key: ${err}`);
    this.keepFile(name, out.key.key_id, path);
    this.#managers.add(name);
    return this.secrets[name];
  }

  edgeKey() {
    return this.manager("edge", "edge's own key");
  }

  /** The places where a secret appears outside of the answer that created it. */
  leaks() {
    return this.control.transcript.filter(([, said]) => this.#all.some((secret) => said.includes(secret))).map(([where]) => where);
  }

  /** A text without secrets. */
  redact(text) {
    return this.#all.reduce((left, secret) => left.replaceAll(secret, "‹secret›"), text);
  }
}

/** Code, status and pointer of a refusal, which the API gives by itself and commands in words. */
export const said = ({ status, body }) => ({ status, code: body.code, pointer: body.pointer });
/** An RFC 3339 time as days from now. */
export const daysAhead = (time) => Math.round((Date.parse(time) - Date.now()) / DAY_MS);
