// Everything that is measured: families of servers, in each the bare one, ours and others. A contender is compared with the bare one of its family.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { packageModules, startWorkerd, workDirectory } from "../runtimes/workerd.mjs";
import { keysOf, now, publishedOf } from "./realm.mjs";
import { tokens } from "./servers/tokens.mjs";

/** Credentials that are presented in turn. */
const CREDENTIALS = 256;
/** Milliseconds until a server must listen. */
const START = 30_000;

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const tool = (name) => file(`../../js/node_modules/.bin/${name}`);
const node = (family, name) => (dir) => program(process.execPath, [file("servers/node.mjs"), family, name, dir], true);
const deno = (name) => (dir) => program(tool("deno"), ["run", "-A", "--node-modules-dir=manual", file("servers/fetch.mjs"), name, dir]);
const bun = (name) => (dir) => program(tool("bun"), [file("servers/fetch.mjs"), name, dir]);

/** What a library does not look at that asks no more than whether there is such a key. */
const ONLY_KNOWN = "IP policy, permission, expiry, revocation: only whether there is such a key";
const NO_CHECK = "everything: no check";
/** What a signed token does not tell. */
const ONLY_SIGNED = "revocation before the token ends, IP policy";

/** `ours` are ours; `lacks` is what the others leave out of what ours does. */
export const CONTENDERS = [
  { id: "http", family: "Node http", title: "no check", start: node("http", "none"), lacks: NO_CHECK },
  { id: "edgelatch", family: "Node http", title: "Edgelatch, `middleware`", start: node("http", "edgelatch"), ours: true },
  { id: "identity", family: "Node http", title: "Edgelatch, the handler reads id, org and roles", start: node("http", "identity"), ours: true },
  { id: "handwritten", family: "Node http", title: "written by hand: createHash, Map, BlockList", start: node("http", "handwritten"), lacks: "signed updates, constant-time comparison, duplicate or malformed credentials, caching headers" },
  { id: "hs256", family: "Node http", title: "jose, JWT with HS256", start: node("http", "hs256"), tokens: "HS256", lacks: `${ONLY_SIGNED}; each server holds the key that makes tokens` },
  { id: "eddsa", family: "Node http", title: "jose, JWT with EdDSA", start: node("http", "eddsa"), tokens: "EdDSA", lacks: ONLY_SIGNED },
  { id: "hono", family: "Hono on Node", title: "no check", start: node("hono", "none"), lacks: NO_CHECK },
  { id: "hono-edgelatch", family: "Hono on Node", title: "Edgelatch, `check`", start: node("hono", "edgelatch"), ours: true },
  { id: "hono-bearer", family: "Hono on Node", title: "hono/bearer-auth with hashed keys", start: node("hono", "bearer"), lacks: ONLY_KNOWN },
  { id: "fastify", family: "Fastify", title: "no check", start: node("fastify", "none"), lacks: NO_CHECK },
  { id: "fastify-edgelatch", family: "Fastify", title: "Edgelatch, `middleware`", start: node("fastify", "edgelatch"), ours: true },
  { id: "fastify-bearer", family: "Fastify", title: "@fastify/bearer-auth with hashed keys", start: node("fastify", "bearer"), lacks: ONLY_KNOWN },
  { id: "deno", family: "Deno.serve", title: "no check", start: deno("none"), lacks: NO_CHECK },
  { id: "deno-edgelatch", family: "Deno.serve", title: "Edgelatch, `protect`", start: deno("edgelatch"), ours: true },
  { id: "bun", family: "Bun.serve", title: "no check", start: bun("none"), lacks: NO_CHECK },
  { id: "bun-edgelatch", family: "Bun.serve", title: "Edgelatch, `protect`", start: bun("edgelatch"), ours: true },
  { id: "workerd", family: "workerd", title: "no check", start: (dir) => worker(dir, "none"), lacks: NO_CHECK },
  { id: "workerd-edgelatch", family: "workerd", title: "Edgelatch, `protect`", start: (dir) => worker(dir, "edgelatch"), ours: true },
];

/** Header lines beside those of every request: where workerd learns the client's address. */
const HEADERS = { workerd: ["CF-Connecting-IP: 127.0.0.1"] };

/** Starts a contender; resolves to `{ port, pid, stop, collect?, credentials, headers }`. */
export async function start(contender, dir) {
  const credentials = contender.tokens === undefined ? keysOf(dir).slice(0, CREDENTIALS) : await tokens(contender.tokens, CREDENTIALS);
  return { ...(await contender.start(dir)), credentials, headers: HEADERS[contender.family] ?? [] };
}

/** A program that says its port in its first line. With `collects`, it has a `collect()` that resolves after all its garbage was collected. */
function program(command, args, collects = false) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, DENO_NO_UPDATE_CHECK: "1", NODE_ENV: "production" } });
  const stop = () => child.kill("SIGKILL");
  return new Promise((resolve, reject) => {
    const failed = (why) => (stop(), reject(new Error(why)));
    const late = setTimeout(failed, START, `it did not listen within ${START} ms`);
    child.once("error", (error) => failed(error.message)).once("exit", (code) => failed(`it ended with ${code}`));
    child.stdout.once("data", (line) => {
      clearTimeout(late);
      const collect = () => (child.stdin.write("\n"), once(child.stdout, "data"));
      resolve({ port: JSON.parse(line).port, pid: child.pid, stop, ...(collects && { collect }) });
    });
  });
}

async function worker(dir, kind) {
  const directory = workDirectory();
  copyFileSync(file("servers/worker.mjs"), join(directory, "worker.mjs"));
  const modules = [["worker.mjs", "esModule", "worker.mjs"], ...packageModules(directory)];
  const { root, bundle } = publishedOf(dir);
  const bindings = [["kind", "text", kind], ["root", "data", root], ["bundle", "data", bundle], ["shift", "json", Date.now() - now()]];
  const { listeners, pid, stop } = await startWorkerd(directory, modules, [{ name: "edge", bindings }]);
  return { port: listeners[0].port, pid, stop };
}
