// The programs of the guides that need more than the package, each run as it stands beside what it needs: `node tests/hosts/guides.mjs`.
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import "./beside.mjs";
import { publish, treeOf } from "../runtimes/publisher.mjs";
import { packageModules, workDirectory } from "../runtimes/workerd.mjs";

const { Miniflare } = createRequire(new URL("../../js/package.json", import.meta.url))("miniflare");
const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const directory = mkdtempSync(file("./guides-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));

const { keys, roots, snapshots, life } = JSON.parse(readFileSync(file("../runtimes/fixture.json"), "utf8"));
// The programs go by the real clock.
const published = publish({ epoch: 50, issuedAt: Math.floor(Date.now() / 1000) - 60, life, tree: treeOf(Buffer.from(snapshots.first.bundle, "base64")) });
const SOURCE = "/r/acme/";
/** What the realm's address answers; reports are counted. */
let reports = 0;
function answered(method, path) {
  if (method === "POST") {
    if (path === "/api/v1/realms/acme/usage") reports++;
    return Buffer.from("{}");
  }
  return path.startsWith(SOURCE) ? published[path.slice(SOURCE.length)] : undefined;
}
const realm = createServer((request, response) => {
  const found = answered(request.method, request.url);
  request.resume();
  response.writeHead(found === undefined ? 404 : 200).end(found);
});
await new Promise((resolve) => realm.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${realm.address().port}`;

const HELLO = "hello Key “plain”";
/** What a good key, one that nobody issued and none are answered with. */
async function judged(ask) {
  const found = [];
  for (const headers of [{ authorization: `Bearer ${keys.plain}` }, { authorization: `Bearer ${keys.stranger}` }, {}]) found.push(await ask(headers));
  const text = found.join();
  if (text !== `${HELLO},401,401`) throw new Error(text);
}

/** A program of Node: its own judge. */
async function alone(path) {
  await promisify(execFile)(process.execPath, [path], { timeout: 60_000 });
}

/** A Worker, with all that Workers can have bound. */
async function worker(path, text) {
  const at = workDirectory();
  const modules = [["worker.mjs", "esModule", "worker.mjs"], ...packageModules(at)];
  writeFileSync(join(at, "worker.mjs"), text);
  const kinds = { esModule: "ESModule", wasm: "CompiledWasm" };
  const host = new Miniflare({
    modules: modules.map(([name, kind, from]) => ({ type: kinds[kind], path: join(at, name), contents: readFileSync(join(at, from)) })),
    modulesRoot: at, compatibilityDate: "2025-09-01", cf: false, kvNamespaces: ["KV"], r2Buckets: ["BUCKET"],
    bindings: { ROOT: roots[0], SOURCE: `${origin}${SOURCE}`, CONTROL_PLANE: origin, USAGE_KEY: "a-key" },
  });
  try {
    const bucket = await host.getR2Bucket("BUCKET");
    for (const [name, bytes] of Object.entries(published)) await bucket.put(`r/acme/${name}`, Uint8Array.from(bytes));
    await judged(async (headers) => {
      const reply = await host.dispatchFetch("https://edge.example/zones", { headers });
      return reply.status === 200 ? reply.text() : reply.status;
    });
    if (text.includes("usageReporter")) await until(() => reports > 0, "no report came");
  } finally {
    await host.dispose();
  }
}

/** A function of Lambda: one at the edge, or one of HTTP events. */
async function lambda(path, text) {
  Object.assign(process.env, { TMPDIR: join(path, ".."), EDGELATCH_ROOT: roots[0], EDGELATCH_SOURCE: `${origin}${SOURCE}`, EDGELATCH_API: origin, EDGELATCH_USAGE_KEY: "a-key" });
  writeFileSync(join(path, "../edgelatch.json"), JSON.stringify({ root: roots[0], source: `${origin}${SOURCE}` }));
  const { handler } = await import(path);
  const event = (name) => JSON.parse(readFileSync(file(`events/${name}.json`), "utf8"));
  const lowered = ([name]) => name.toLowerCase() !== "x-api-key";
  if (text.includes("protectEdge")) {
    return judged(async (headers) => {
      const given = event("edge");
      const { request } = given.Records[0].cf;
      request.headers = Object.fromEntries(Object.entries(request.headers).filter(lowered));
      for (const [key, value] of Object.entries(headers)) request.headers[key] = [{ key, value }];
      const found = await handler(given, {});
      return found.status === undefined ? HELLO : Number(found.status);
    });
  }
  for (const name of text.includes("aws-alb") ? ["load-balancer"] : ["rest-api", "http-api", "function-url"]) {
    const sent = reports;
    await judged(async (headers) => {
      const given = event(name);
      delete given.multiValueHeaders;
      given.headers = { ...Object.fromEntries(Object.entries(given.headers).filter(lowered)), ...headers };
      const { statusCode, body } = await handler(given, {});
      return statusCode === 200 ? body : statusCode;
    });
    if (text.includes("usageReporter") && reports !== sent + 3) throw new Error("not every request was reported before its answer");
  }
}

async function until(holds, what) {
  for (let tries = 0; tries < 400; tries++) {
    if (holds()) return;
    await new Promise((turn) => setTimeout(turn, 25));
  }
  throw new Error(what);
}

const GUIDES = { "observability.md": alone, "workers.md": worker, "lambda.md": lambda };
let [passed, failed] = [0, 0];
const names = process.argv.slice(2);
for (const [guide, run] of Object.entries(GUIDES).filter(([guide]) => names.length === 0 || names.includes(guide))) {
  const programs = [...readFileSync(file(`../../js/docs/${guide}`), "utf8").matchAll(/^```js\n(.*?)^```$/gms)];
  if (programs.length === 0) throw new Error(`${guide} has no program`);
  for (const [i, [, text]] of programs.entries()) {
    const path = join(directory, guide, String(i + 1), "program.mjs");
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, text);
    try {
      await run(path, text);
      passed++;
    } catch (error) {
      failed++;
      console.log(`${guide}, program ${i + 1}: ${error.stderr ?? error.stack}`);
    }
  }
}
console.log(`guides: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
