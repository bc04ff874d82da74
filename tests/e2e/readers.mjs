// Published files that take a key, over the real server and the SDK in Node: `node tests/e2e/readers.mjs EDGELATCH`, where EDGELATCH is the
// command's path; the packed SDK must be staged in tests/.
import { createServer } from "node:http";
import { resolve } from "node:path";
import { createVerifier, httpSource } from "edgelatch";
import { Control } from "../systems/harness/control.mjs";
import { end, step, until } from "./steps.mjs";

const control = new Control(resolve(process.argv[2]), "acme");
await control.init("default");
await control.serve(["--require-read-key"]);

/** A key of the role `edge`: its id, and its text. */
async function readKey(name) {
  const { out } = await control.cli(["keys", "create", "--name", name, "--role", "edge"], { realm: "management", secret: true });
  return { id: out.key.key_id, key: out.secret };
}

/** An edge that hears of changes by its stream alone, with what went wrong there. */
async function edge(options) {
  const errors = [];
  const verifier = await createVerifier({ root: control.root, source: httpSource(control.source, options), refresh: { interval: 3_600_000, stream: true }, onError: (error) => errors.push(error) });
  return { verifier, errors };
}

async function create(name) {
  const { body } = await control.rest("POST", "/keys", { body: { org: "main", name }, secret: true });
  return body.secret;
}

function check(holds, what) {
  if (!holds) throw new Error(what);
}

await step("without a key, and with a wrong one, an edge gets nothing", async () => {
  for (const options of [{}, { key: "elm_wr0ngwr0ngwr0ngwr0ngwr0ngwr0ngwr0ngwr0" }]) {
    const { verifier, errors } = await edge(options);
    await verifier.refresh().catch(() => {});
    check(!verifier.ready && errors.some(({ code, message }) => code === "http_status" && message.includes("401")), `${verifier.ready}: ${errors.map(({ message }) => message)}`);
    check(!errors.some((error) => JSON.stringify([error.message, error.stack, String(error.cause)]).includes("wr0ng")), "an error repeats the key");
    verifier.close();
  }
});
const [stays, goes] = [await readKey("stays"), await readKey("goes")];
const one = await edge({ key: stays.key });
await step("with a key it gets everything, and changes over the stream", async () => {
  await until("it is ready", () => one.verifier.ready);
  for (const name of ["one", "two"]) {
    const secret = await create(name);
    await until(`it knows ${name}`, async () => (await one.verifier.verifyKey(secret)).ok);
  }
  check(one.errors.length === 0, one.errors.map(({ message }) => message).join(", "));
});
await step("a revoked key reads nothing a second later, and its stream tells no more", async () => {
  const other = await edge({ key: goes.key });
  await until("it is ready", () => other.verifier.ready);
  await control.rest("POST", `/keys/${goes.id}/revoke`, { realm: "management" });
  await new Promise((turn) => setTimeout(turn, 1000));
  await other.verifier.refresh().catch(() => {});
  check(other.errors.some(({ message }) => message.includes("401")), `it was not refused: ${other.errors.map(({ message }) => message)}`);
  const secret = await create("three");
  await until("the other edge knows it", async () => (await one.verifier.verifyKey(secret)).ok);
  check(!(await other.verifier.verifyKey(secret)).ok, "it was told of a change");
  other.verifier.close();
});
await step("a key does not follow a redirect to another origin", async () => {
  const seen = [];
  const elsewhere = createServer((request, response) => (seen.push(request.headers.authorization), response.end()));
  await new Promise((ready) => elsewhere.listen(0, "127.0.0.1", ready));
  const here = createServer((_, response) => response.writeHead(302, { location: `http://127.0.0.1:${elsewhere.address().port}/` }).end());
  await new Promise((ready) => here.listen(0, "127.0.0.1", ready));
  const errors = [];
  const source = httpSource(`http://127.0.0.1:${here.address().port}/r/acme`, { key: stays.key });
  const verifier = await createVerifier({ root: control.root, source, refresh: { interval: 3_600_000, stream: true }, onError: (error) => errors.push(error) });
  await verifier.refresh().catch(() => {});
  verifier.close();
  check(errors.some(({ code }) => code === "redirect") && seen.length === 0, `${errors.map(({ code }) => code)}: ${seen}`);
  for (const server of [here, elsewhere]) server.close();
});
await step("health is open to everybody", async () => check((await fetch(`${control.url}/healthz`)).status === 200, "it is not"));

one.verifier.close();
await control.stop();
control.remove();
end("readers");
