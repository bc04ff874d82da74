// Ceremonies of signing keys while edges in Node serve over a real server, as `crates/server/docs/signing-keys.md` has them: a publisher key leaks, one of
// three root keys leaks, a publisher key is lost, heads take two keys, a program signs. `node tests/e2e/ceremonies.mjs EDGELATCH`, where EDGELATCH is the
// command's path; the packed SDK must be staged in tests/.
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join, resolve } from "node:path";
import { createVerifier } from "edgelatch";
import { Control } from "../systems/harness/control.mjs";
import { end, step, until } from "./steps.mjs";

function check(holds, what) {
  if (!holds) throw new Error(what);
}

const binary = resolve(process.argv[2]);
const control = new Control(binary, "acme");
await control.init("default");
await control.serve();
const file = (name) => control.file(name);
const inKeys = (name) => join(file("data/keys"), name);

async function cli(...args) {
  const { code, out, err } = await control.cli(args);
  if (code !== 0) throw new Error(`edgelatch ${args.join(" ")}: ${err}`);
  return out;
}
const trust = (verb, ...args) => cli("trust", verb, ...args);
async function refused(code, ...args) {
  const ran = await control.cli(args);
  check(ran.code === 2 && ran.error?.code === code, `edgelatch ${args.join(" ")}: ${ran.code} ${ran.err}`);
}
const newest = async () => (await trust("show")).roots[0];
let number = 0;
/** A key: its id and its secret. */
async function create() {
  const { out } = await control.cli(["keys", "create", "--name", `key ${number++}`, "--role", "reader"], { secret: true });
  return { id: out.key.key_id, secret: out.secret };
}

/** What stands between one edge and the server, and may show it files of somebody else's instead. */
let stolen;
const between = createServer(async ({ url }, reply) => {
  // It polls, so that each look is at what is shown then.
  if (url.startsWith("/stream")) return reply.writeHead(404).end();
  const path = stolen === undefined ? undefined : join(stolen, url);
  if (path !== undefined) {
    if (!existsSync(path)) return reply.writeHead(404).end();
    return reply.end(readFileSync(path));
  }
  const answer = await fetch(`${control.source}${url}`).catch(() => undefined);
  if (answer === undefined) return reply.destroy();
  reply.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
});
await new Promise((listening) => between.listen(0, "127.0.0.1", listening));
const deceived = `http://127.0.0.1:${between.address().port}`;

const edges = [];
async function edge(source, root = control.root) {
  const errors = [];
  const verifier = await createVerifier({ root, source, refresh: { interval: 100, maxBackoff: 200 }, onError: (error) => errors.push(error) });
  const made = { verifier, errors, code: ({ secret }) => verifier.verifyKey(secret).code };
  edges.push(made);
  return made;
}
const everywhere = (what, holds) => until(what, () => edges.every(holds));
/** What was done reaches every edge: a key that is made is known, and once it is revoked it is refused. */
async function goesOn() {
  const key = await create();
  await everywhere("a key that was made is known", ({ code }) => code(key) === "valid");
  await cli("keys", "revoke", key.id);
  await everywhere("a key that was revoked is refused", ({ code }) => code(key) === "revoked");
}

const good = await create();
const leaked = await create();
let [honest, victim, thief] = [];
await step("edges know the keys", async () => {
  [honest, victim] = [await edge(control.source), await edge(deceived)];
  await everywhere("both are valid", ({ code }) => code(good) === "valid" && code(leaked) === "valid");
});

/** The thief has the publisher key and what the registry was: he can sign whatever he likes, under epochs that are far. */
function steals(times) {
  for (let i = 0; i < times; i++) {
    const ran = spawnSync(binary, ["--data", thief, "publish"], { encoding: "utf8", env: { PATH: process.env.PATH } });
    check(ran.status === 0, ran.stderr);
  }
}
await step("with a publisher key that has leaked, a revoked key is accepted by an edge that its thief reaches", async () => {
  thief = file("thief");
  cpSync(file("data"), thief, { recursive: true });
  rmSync(join(thief, "keys/root.key"));
  await cli("keys", "revoke", leaked.id);
  await everywhere("it is refused", ({ code }) => code(leaked) === "revoked");
  steals(10);
  stolen = join(thief, "published/r/acme");
  await until("the thief's epoch is taken", () => victim.code(leaked) === "valid");
});
await step("rotate-publisher --leaked shuts the thief out, however far his epochs are", async () => {
  stolen = undefined;
  const { root_version: version } = await trust("rotate-publisher", "--leaked", "--yes");
  await everywhere("every edge follows", ({ verifier, code }) => verifier.rootVersion === version && code(leaked) === "revoked" && code(good) === "valid");
  const before = victim.verifier.epoch;
  steals(3);
  [stolen, victim.errors.length] = [join(thief, "published/r/acme"), 0];
  await until("what he shows is refused", () => victim.errors.length > 0);
  check(victim.code(leaked) === "revoked" && victim.code(good) === "valid" && victim.verifier.epoch === before, `${victim.verifier.epoch} after ${before}`);
  // Whoever is deployed with the new root believes him neither.
  const root = readFileSync(file(`data/published/r/acme/root/${version}`)).toString("base64url");
  const begun = await edge(deceived, root).then(({ code }) => code(leaked), (error) => error.code);
  check(begun !== "valid", begun);
  stolen = undefined;
  await goesOn();
});

let [ann, bob] = [];
const holder = async (name) => (await trust("new-key", "--role", "root", "--save", file(`${name}.key`))).key;
await step("three holders have a root key each, of whom two must sign", async () => {
  [ann, bob] = [await holder("ann"), await holder("bob")];
  const draft = file("three.draft");
  await trust("add-key", "--role", "root", "--public-key", ann, "--public-key", bob, "--threshold", "2", "--draft", draft);
  const before = await newest();
  const known = file(`data/published/r/acme/root/${before.version}`);
  for (const key of [inKeys("root.key"), file("ann.key")]) await trust("sign", draft, "--key", key, "--root", known, "--yes");
  await trust("publish", draft, "--yes");
  const { version, root } = await newest();
  check(root.threshold === 2 && root.keys.length === 3, JSON.stringify(root));
  await everywhere("every edge follows", ({ verifier }) => verifier.rootVersion === version);
  // Each where its holder is.
  renameSync(inKeys("root.key"), file("first.key"));
  await goesOn();
});
await step("one of the three leaks: its thief can do nothing alone, and the other two take it away", async () => {
  const eve = await holder("eve");
  const before = await newest();
  const known = file(`data/published/r/acme/root/${before.version}`);
  const alone = file("alone.draft");
  await trust("rotate-root", ann, "--public-key", eve, "--draft", alone);
  await trust("sign", alone, "--key", file("bob.key"), "--root", known, "--yes");
  await refused("too_few_signatures", "trust", "publish", alone, "--yes");
  const draft = file("without-bob.draft");
  await trust("rotate-root", bob, "--public-key", eve, "--draft", draft);
  for (const key of ["first.key", "ann.key"]) await trust("sign", draft, "--key", file(key), "--root", known, "--yes");
  await trust("publish", draft, "--yes");
  const { version, root } = await newest();
  check(version === before.version + 1 && root.keys.every(({ key }) => key !== bob), JSON.stringify(root));
  await everywhere("every edge follows", ({ verifier }) => verifier.rootVersion === version);
  await goesOn();
});

/** The root keys come together for what follows. */
const holders = ["--root-key", file("first.key"), "--root-key", file("ann.key"), "--yes"];
const publishers = async () => (await newest()).publisher.keys;
await step("a publisher key is lost, and a second one was prepared: publishing goes on with it, and no edge notices", async () => {
  const [{ key: old }] = await publishers();
  const cold = file("publisher-cold.key");
  await trust("prepare-publisher", "--save", cold, ...holders);
  await control.stop();
  for (const name of ["publisher.key", "publisher-2.key"]) rmSync(inKeys(name), { force: true });
  const begun = await control.serve().catch((error) => error.message);
  check(begun.includes?.("key_missing"), `${begun}`);
  check(edges.every(({ code }) => code(good) === "valid"), "an edge noticed");
  await trust("import-key", cold);
  await control.serve();
  await goesOn();
  await trust("remove-key", old, ...holders);
  await goesOn();
});
await step("a publisher key is lost, and none was prepared: that costs one root", async () => {
  const [{ key: old }] = await publishers();
  await control.stop();
  for (const { here } of await publishers()) rmSync(here);
  await trust("rotate-publisher", ...holders);
  await trust("remove-key", old, ...holders);
  await control.serve();
  await goesOn();
});
await step("heads that two keys sign are accepted, and no head of one", async () => {
  await trust("add-key", "--role", "publisher", "--threshold", "2", ...holders);
  const { version, publisher } = await newest();
  check(publisher.threshold === 2 && publisher.keys.length === 2, JSON.stringify(publisher));
  await everywhere("every edge follows", ({ verifier }) => verifier.rootVersion === version);
  await goesOn();
});
await step("a program signs as one of the two", async () => {
  const [pem, program] = [file("kms.pem"), file("kms-sign")];
  check(spawnSync("openssl", ["genpkey", "-algorithm", "ed25519", "-out", pem]).status === 0, "openssl");
  const lines = [
    "#!/bin/sh",
    "set -e",
    `if [ "$1" = --public ]; then openssl pkey -in '${pem}' -pubout -outform DER | tail -c 32 | base64 | tr '+/' '-_' | tr -d '=\\n'; exit; fi`,
    "m=$(mktemp); trap 'rm -f \"$m\"' EXIT; cat > \"$m\"",
    `openssl pkeyutl -sign -rawin -in "$m" -inkey '${pem}'`,
  ];
  writeFileSync(program, `${lines.join("\n")}\n`);
  chmodSync(program, 0o755);
  const key = spawnSync(program, ["--public"], { encoding: "utf8" }).stdout;
  await trust("add-key", "--role", "publisher", "--public-key", key, "--signer", program, ...holders);
  await control.stop();
  await control.serve(["--signer", program]);
  const [one] = (await publishers()).filter((known) => known.key !== key);
  await trust("remove-key", one.key, "--signer", program, ...holders);
  const { publisher } = await newest();
  check(publisher.threshold === 2 && publisher.keys.length === 2, JSON.stringify(publisher));
  await goesOn();
  check(edges.every(({ code }) => code(good) === "valid"), "a good key is refused");
});

edges.forEach(({ verifier }) => verifier.close());
between.close();
await control.stop();
control.remove();
end("ceremonies");
