// How long the server takes for the first page of many keys, and what that page weighs:
// `node tests/console/figures.mjs EDGELATCH KEYS DIR`. DIR is made where it is not there, and kept. Prints JSON, in milliseconds and bytes.
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const [binary, count, directory] = process.argv.slice(2);
const ROUNDS = 41;
const run = (data, ...args) => execFileSync(binary, ["--data", data, "--realm", "main", ...args], { stdio: ["ignore", "ignore", "inherit"] });

/** A realm of so many keys. It is there whole, or not at all. */
async function make() {
  const making = `${directory}.making`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making, { recursive: true });
  run(join(making, "data"), "init", "--save-admin-key", join(making, "key"));
  const file = createWriteStream(join(making, "keys.csv"));
  file.write("sha256,name\n");
  for (let i = 0; i < Number(count); i++) {
    const line = `${createHash("sha256").update(`key ${i}`).digest("hex")},service ${i % 9973} of ${i}\n`;
    if (!file.write(line)) await once(file, "drain");
  }
  file.end();
  await once(file, "finish");
  run(join(making, "data"), "keys", "import", join(making, "keys.csv"));
  rmSync(join(making, "keys.csv"));
  renameSync(making, directory);
}

if (!existsSync(directory)) await make();
const server = spawn(binary, ["--data", join(directory, "data"), "serve", "--realm", "main", "--addr", "127.0.0.1:0", "--json"], { stdio: ["ignore", "pipe", "inherit"] });
process.on("exit", () => server.kill());
const [line] = await once(createInterface({ input: server.stdout }), "line");
const origin = `http://${JSON.parse(line).addr}`;
let cookie = "";

async function ask(path, form) {
  const headers = { cookie, origin, "sec-fetch-site": "same-origin", ...(form && { "content-type": "application/x-www-form-urlencoded" }) };
  const begin = process.hrtime.bigint();
  const reply = await fetch(`${origin}${path}`, { headers, redirect: "manual", method: form ? "POST" : "GET", body: form && new URLSearchParams(form).toString() });
  const body = Buffer.from(await reply.arrayBuffer());
  const ms = Number(process.hrtime.bigint() - begin) / 1e6;
  for (const set of reply.headers.getSetCookie()) cookie = set.split(";")[0];
  return { status: reply.status, text: body.toString(), bytes: body.length, ms };
}

const [, form] = /name="form" value="([^"]+)"/.exec((await ask("/console/sign-in")).text);
const entered = await ask("/console/sign-in", { form, key: readFileSync(join(directory, "key"), "utf8").trim() });
if (entered.status !== 303) throw new Error(`signing in: ${entered.status}`);
const keys = "/console/r/main/keys";

/** The median of many times. */
async function time(path) {
  const all = [];
  for (let i = 0; i < ROUNDS; i++) {
    const page = await ask(path);
    if (page.status !== 200 || !page.text.includes("<tbody>")) throw new Error(`${path}: ${page.status}`);
    all.push(page.ms);
  }
  return all.sort((a, b) => a - b)[ROUNDS >> 1];
}

const page = await ask(keys);
const parts = [...page.text.matchAll(/(?:src|href)="(\/console\/assets\/[^"]+)"/g)].map(([, path]) => path);
let weight = page.bytes;
for (const path of new Set(parts)) weight += (await ask(path)).bytes;
console.log(JSON.stringify({ first: await time(keys), sorted: await time(`${keys}?sort=name`), searched: await time(`${keys}?search=service+77`), page: page.bytes, weight }));
server.kill();
