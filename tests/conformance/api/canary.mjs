// Secrets that are known here are looked for in everything that comes out of a control plane: every answer of every operation of
// the API, sound and unsound, its logs, its metrics, its database, what it publishes, what the command prints. Each secret may
// be in one place: the answer that made it. `node tests/conformance/api/canary.mjs EDGELATCH`
import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Control } from "../../systems/harness/control.mjs";
import { calls, misuses } from "./calls.mjs";
import { reporter } from "./reporter.mjs";

const control = new Control(process.argv[2], "acme");
process.on("exit", () => control.remove());
await control.init("default");
const { list, sign } = reporter(control.directory);
await control.serve(["--auth-failures", "60000", "--github-keys", list]);
const admin = control.administrator;

/** What must be found nowhere: texts, and their digests as somebody might print them. */
const canaries = new Map();
const hide = (name, text) => {
  const digest = createHash("sha256").update(text).digest();
  canaries.set(name, text);
  // Half of it is as bad as the whole; the first 12 characters are shown by design.
  canaries.set(`${name}, its middle`, text.slice(12, 32));
  for (const form of ["hex", "base64", "base64url"]) canaries.set(`${name}, ${form} digest`, digest.toString(form).slice(0, 32));
};

const found = [];
const search = (where, text, except = "") => {
  for (const [name, canary] of canaries) if (text.includes(canary) && !except.includes(canary)) found.push(`${name} in ${where}`);
};

/** Asks, and searches the whole answer, all of whose secrets but `own` are canaries already. */
async function ask(call, { key = admin, except } = {}) {
  const headers = { authorization: `Bearer ${key}`, ...call.headers };
  if (call.body !== undefined) headers["content-type"] ??= "application/json";
  const url = `${control.url}${call.root ? "" : "/api/v1"}${call.path}`;
  const body = call.body === undefined || typeof call.body === "string" ? call.body : JSON.stringify(call.body);
  const reply = await fetch(url, { method: call.method ?? "GET", headers, body });
  const text = await reply.text();
  search(`${call.method ?? "GET"} ${call.path} → ${reply.status}`, `${JSON.stringify([...reply.headers])}\n${text}`, except);
  return { status: reply.status, json: /\bjson\b/.test(reply.headers.get("content-type") ?? "") ? JSON.parse(text) : text };
}

hide("the first administrator's key", admin);
const imported = `legacy-${randomBytes(24).toString("base64url")}`;
hide("an imported key", imported);

// Every operation, with success; the ones that make a secret give it away once.
const document = (await ask({ path: "/openapi.json" })).json;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { operationId }]) => ({ operationId, method: method.toUpperCase(), path })),
);
const done = new Set();
const known = { sign, sha256: createHash("sha256").update(imported).digest("hex") };
const resolved = (call) => Object.fromEntries(Object.entries(call).map(([name, value]) => [name, typeof value === "function" ? value(known) : value]));
for (const { operation, keep, ...described } of calls(known)) {
  const { own, ...call } = resolved(described);
  const except = own && createHash("sha256").update(own).digest("hex");
  const { status, json } = await ask(call, { except });
  if (status >= 300) found.push(`${operation} answered ${status}: ${JSON.stringify(json)}`);
  done.add(operation);
  if (json?.secret) hide(`secret ${canaries.size} of ${operation}`, json.secret);
  keep?.(json, known);
}
for (const { operationId, method, path } of operations) {
  if (!done.has(operationId)) found.push(`${operationId} (${method} ${path}) was not called: add it to calls.mjs`);
}
if (known.secret === undefined) found.push("no key was made");
// Again, now that all secrets are known; and with the secrets in every place where somebody may put one by mistake.
for (const { path, method } of operations.filter(({ method }) => method === "GET")) {
  await ask({ path: path.replace("/api/v1", "").replace(/\{(\w+)\}/g, (_, name) => known[name] ?? name), method });
}
for (const secret of [admin, known.secret]) {
  for (const call of misuses(operations, known, secret)) await ask(call);
}
for (const key of [known.secret, imported, `${known.secret}x`]) await ask({ path: "/realms" }, { key });
await ask({ path: "/metrics", root: true });
await ask({ path: "/healthz", root: true });

// What the command prints, and what lies on the disk: digests belong in the database and, cut, in snapshots; texts nowhere.
for (const args of [["keys", "list"], ["audit", "list"], ["realms", "list"], ["orgs", "list"], ["owners", "list"], ["events", "list"], ["keys", "show", known.key_id]]) {
  for (const realm of args[1] === "list" ? ["acme", "management"] : ["acme"]) {
    const { code, err } = await control.cli(args, { realm });
    if (code !== 0) found.push(`edgelatch ${args.join(" ")}: ${err}`);
  }
}
for (const [where, text] of control.transcript) search(where, text);
const files = (dir) => readdirSync(dir, { recursive: true }).map((name) => join(dir, name)).filter((path) => statSync(path).isFile());
for (const path of files(control.file("data"))) {
  const text = readFileSync(path, "latin1");
  for (const [name, canary] of canaries) if (!/digest/.test(name) && text.includes(canary)) found.push(`${name} in ${path.slice(control.directory.length)}`);
}

for (const line of new Set(found)) console.log(`FAIL ${line}`);
console.log(`${done.size} operations, ${canaries.size} canaries`);
console.log(found.length === 0 ? "1 passed, 0 failed" : "0 passed, 1 failed");
process.exit(found.length === 0 ? 0 : 1);
