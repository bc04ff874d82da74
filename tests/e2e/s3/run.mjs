// A bucket as target, over the real command, a real server that speaks S3 and a real edge that reads the bucket over HTTP:
// `EDGELATCH_MOTO=moto_server node tests/e2e/s3/run.mjs EDGELATCH`, where EDGELATCH is the command's path; the packed SDK must be staged in tests/.
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { resolve } from "node:path";
import { createVerifier, httpSource } from "edgelatch";
import { Control } from "../../systems/harness/control.mjs";
import { end, step, until } from "../steps.mjs";

const port = await new Promise((ready) => {
  const free = createServer().listen(0, "127.0.0.1", () => {
    const { port } = free.address();
    free.close(() => ready(port));
  });
});
const moto = spawn(process.env.EDGELATCH_MOTO, ["-H", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
process.on("exit", () => moto.kill("SIGKILL"));
const store = `http://127.0.0.1:${port}`;
await until("the S3 server answers", () => fetch(store).then(() => true, () => false));
await fetch(`${store}/keys`, { method: "PUT", headers: { "x-amz-acl": "public-read" } });
Object.assign(process.env, { AWS_ENDPOINT_URL: store, AWS_ACCESS_KEY_ID: "tester", AWS_SECRET_ACCESS_KEY: "t0p-secret-of-the-store", AWS_REGION: "us-east-1" });

const control = new Control(resolve(process.argv[2]), "acme");
await control.init("default");
const serve = () => control.serve(["--to", "s3://keys/fleet"]);
await serve();
/** Where the realm lies below the prefix: `r/acme` is added only where several realms are published. */
const folders = ["fleet", "fleet/r/acme"];
let folder;
await until("the bucket shows a head", async () => {
  for (const one of folders) if ((await fetch(`${store}/keys/${one}/bundle`)).status === 200) folder = one;
  return folder !== undefined;
});
const errors = [];
const verifier = await createVerifier({ root: control.root, source: httpSource(`${store}/keys/${folder}`), refresh: { interval: 100, stream: false }, onError: (error) => errors.push(error) });

/** Creates a key, and waits until the edge knows it. */
async function create(name) {
  const { body } = await control.rest("POST", "/keys", { body: { org: "main", name }, secret: true });
  await until(`the edge knows ${name}`, async () => (await verifier.verifyKey(body.secret)).ok);
  return body;
}

async function names() {
  const listed = await (await fetch(`${store}/keys?list-type=2&prefix=${folder}/`)).text();
  return [...listed.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key]) => key);
}

// While there was but one tree: what only earlier ones need does not come back.
await step("what somebody deleted while the publisher was away comes back", async () => {
  await control.stop();
  const before = await names();
  const gone = before.filter((name) => /\/(objects|root)\/|\/bundle$/.test(name));
  if (gone.length < 4) throw new Error(`only ${before.join(", ")} is there`);
  for (const name of gone) await fetch(`${store}/keys/${name}`, { method: "DELETE" });
  await serve();
  await until("all of it is there again", async () => {
    const now = new Set(await names());
    return gone.every((name) => now.has(name));
  });
  await create("two");
});
await step("what is created and revoked is known at an edge that reads the bucket", async () => {
  const { key, secret } = await create("one");
  await control.rest("POST", `/keys/${key.key_id}/revoke`);
  await until("the edge refuses it", async () => !(await verifier.verifyKey(secret)).ok);
});
await step("a store that is away holds nobody else up, and is told of; when it is back it gets what it missed", async () => {
  moto.kill("SIGSTOP");
  for (const name of ["three", "four", "five"]) {
    const { body } = await control.rest("POST", "/keys", { body: { org: "main", name }, secret: true });
    const own = await createVerifier({ root: control.root, source: control.source });
    await until(`this server's own files show ${name}`, async () => (await own.refresh(), (await own.verifyKey(body.secret)).ok));
    own.close();
  }
  await until("the target is told of", async () => {
    const { body } = await control.rest("GET", "/publishing");
    return body.targets.some(({ target, failing_since, behind }) => target.startsWith("s3://") && failing_since !== undefined && behind > 0);
  });
  moto.kill("SIGCONT");
  await until("nothing is wrong any more", async () => (await control.rest("GET", "/publishing")).body.targets.every(({ failing_since, behind }) => failing_since === undefined && behind === 0));
  await create("six");
});
await step("no error of the publisher repeats the store's secret", () => {
  const all = JSON.stringify(control.transcript);
  if (all.includes("t0p-secret")) throw new Error("it does");
  const strange = errors.filter(({ code }) => !["unreachable", "http_status", "deadline"].includes(code));
  if (strange.length > 0) throw new Error(`the edge met ${strange.map(({ code, message }) => `${code}: ${message}`).join(", ")}`);
});

verifier.close();
await control.stop();
control.remove();
moto.kill("SIGKILL");
end("s3");
