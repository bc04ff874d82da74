// How long the server takes for the table of many keys, and what that page weighs:
// `node tests/console/figures.mjs EDGELATCH KEYS DIR [--preset vergeos,…] [--database URL]`. DIR is made where it is not there, and kept; so is not what
// lies in another database. Prints JSON: of each preset the milliseconds that its pages took, and bytes.
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

/** What a key of each preset needs to be taken over, and which of its org's settings stand against so many. */
const PRESETS = {
  default: { take: ["--role", "reader"], set: [] }, vergeos: { take: [], set: [] }, vergecloud: { take: ["--role", "dns-manager"], set: [] },
  ipaware: { take: ["--role", "developer"], set: ["max_active_keys=null"] }, valar: { take: [], set: ["max_keys=null"] },
};
/** Pages that are asked for: beside the first one what people search, filter and sort by, and pages that nobody comes to at once. */
const PAGES = {
  first: "", "sorted by name": "?sort=name", "searched, many fit": "?search=service+77", "searched, one fits": `?search=of+${process.argv[3] - 9}`, "searched, none fits": "?search=nothing+fits",
  filtered: "?state=active&which=never_used", "from the other end": "?direction=asc",
};
const ROUNDS = 200;
/** How many pages one has gone on for the last of the figures. */
const DEEP = 20;

const { values, positionals: [binary, count, directory] } = parseArgs({ allowPositionals: true, options: { preset: { type: "string" }, database: { type: "string" } } });
const presets = values.preset?.split(",") ?? Object.keys(PRESETS);

/** A realm of so many keys. It is there whole, or not at all. */
async function make(preset, place) {
  const making = `${place}.making`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making, { recursive: true });
  const run = (...args) => execFileSync(binary, ["--data", join(making, "data"), "--realm", "main", ...args], { stdio: ["ignore", "ignore", "inherit"], env });
  run("init", "--preset", preset, "--save-admin-key", join(making, "key"));
  const { take, set } = PRESETS[preset];
  if (set.length > 0) run("orgs", "set", "main", ...set);
  const file = createWriteStream(join(making, "keys.csv"));
  file.write("sha256,name\n");
  for (let i = 0; i < Number(count); i++) {
    const line = `${createHash("sha256").update(`key ${i}`).digest("hex")},service ${i % 9973} of ${i}\n`;
    if (!file.write(line)) await once(file, "drain");
  }
  file.end();
  await once(file, "finish");
  run("keys", "import", join(making, "keys.csv"), ...take);
  rmSync(join(making, "keys.csv"));
  renameSync(making, place);
}

/** Somebody's browser, as far as it is needed here. */
class Browser {
  #origin;
  #cookies = new Map();

  constructor(origin) {
    this.#origin = origin;
  }

  async ask(path, form) {
    const headers = { cookie: [...this.#cookies].map((pair) => pair.join("=")).join("; "), origin: this.#origin, "sec-fetch-site": "same-origin", ...(form && { "content-type": "application/x-www-form-urlencoded" }) };
    const begin = process.hrtime.bigint();
    const reply = await fetch(`${this.#origin}${path}`, { headers, redirect: "manual", method: form ? "POST" : "GET", body: form && new URLSearchParams(form).toString() });
    const body = Buffer.from(await reply.arrayBuffer());
    const ms = Number(process.hrtime.bigint() - begin) / 1e6;
    for (const set of reply.headers.getSetCookie()) this.#cookies.set(...set.split(";")[0].split("="));
    return { status: reply.status, text: body.toString(), bytes: body.length, ms };
  }

  async signIn(key) {
    const [, form] = /name="form" value="([^"]+)"/.exec((await this.ask("/console/sign-in")).text);
    const entered = await this.ask("/console/sign-in", { form, key });
    if (entered.status !== 303) throw new Error(`signing in: ${entered.status}`);
  }

  /** How long a page takes: half of its times are below the first of these, and all but one in a hundred below the other. */
  async time(path, holds) {
    const all = [];
    for (let i = 0; i < ROUNDS; i++) {
      const page = await this.ask(path);
      if (page.status !== 200 || !page.text.includes(holds)) throw new Error(`${path}: ${page.status}`);
      all.push(page.ms);
    }
    all.sort((a, b) => a - b);
    return { p50: all[ROUNDS >> 1], p99: all[Math.ceil(ROUNDS * 0.99) - 1] };
  }
}

async function measure(preset) {
  const place = join(directory, preset);
  if (!existsSync(place)) await make(preset, place);
  const server = spawn(binary, ["--data", join(place, "data"), "serve", "--realm", "main", "--addr", "127.0.0.1:0", "--json"], { stdio: ["ignore", "pipe", "ignore"], env });
  process.once("exit", () => server.kill());
  const [line] = await once(createInterface({ input: server.stdout }), "line");
  const browser = new Browser(`http://${JSON.parse(line).addr}`);
  await browser.signIn(readFileSync(join(place, "key"), "utf8").trim());
  const keys = "/console/r/main/keys";
  const page = await browser.ask(keys);
  const parts = new Set([...page.text.matchAll(/(?:src|href)="(\/console\/assets\/[^"]+)"/g)].map(([, path]) => path));
  let weight = page.bytes;
  for (const path of parts) weight += (await browser.ask(path)).bytes;
  const pages = {};
  for (const [name, query] of Object.entries(PAGES)) pages[name] = await browser.time(keys + query, name.endsWith("none fits") ? 'class="empty"' : "<tbody>");
  let deep = page;
  let at = keys;
  for (let i = 0; i < DEEP; i++) {
    at = /rel="next" href="([^"]+)"/.exec(deep.text)?.[1].replaceAll("&#38;", "&").replaceAll("&amp;", "&") ?? at;
    deep = await browser.ask(at);
  }
  pages[`page ${DEEP + 1}`] = await browser.time(at, "<tbody>");
  server.kill();
  await once(server, "exit");
  return { pages, weight };
}

const env = { ...process.env, ...(values.database && { EDGELATCH_DATABASE: values.database }) };
mkdirSync(directory, { recursive: true });
const figures = {};
for (const preset of presets) figures[preset] = await measure(preset);
console.log(JSON.stringify(figures));
