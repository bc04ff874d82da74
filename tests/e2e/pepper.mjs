// A pepper from its making to its end, over the real server, command and edges in Node: `node tests/e2e/pepper.mjs EDGELATCH`, where EDGELATCH is the
// command's path; the packed SDK must be staged in tests/.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { createVerifier } from "edgelatch";
import { Control } from "../systems/harness/control.mjs";
import { end, step, until } from "./steps.mjs";

function check(holds, what) {
  if (!holds) throw new Error(what);
}

const control = new Control(resolve(process.argv[2]), "acme");
await control.init("default");
await control.serve();

async function cli(...args) {
  const { code, out, err } = await control.cli(args);
  if (code !== 0) throw new Error(`edgelatch ${args.join(" ")}: ${err}`);
  return out;
}
async function refused(code, ...args) {
  const ran = await control.cli(args);
  check(ran.code === 2 && ran.error?.code === code, `edgelatch ${args.join(" ")}: ${ran.code} ${ran.err}`);
}
const pepper = (verb, ...args) => cli("trust", "pepper", verb, ...args);
const text = ({ path }) => readFileSync(path, "utf8");
const bytes = (made) => Uint8Array.from(Buffer.from(text(made), "base64url"));

/** A key from elsewhere that could be guessed, which is what peppers are for. */
const GUESSED = "legacy-key-000042";
const sha256 = createHash("sha256").update(GUESSED).digest();
await cli("keys", "import", "--name", "legacy", "--role", "reader", "--sha256", sha256.toString("hex"));
const { secret } = (await control.cli(["keys", "create", "--name", "ci", "--role", "reader"], { secret: true })).out;

const verifiers = [];
/** An edge that was given this, and what it was told of. */
async function edge(given) {
  const errors = [];
  const onError = (error) => errors.push(error);
  const verifier = await createVerifier({ root: control.root, source: control.source, refresh: { interval: 100, maxBackoff: 200 }, onError, ...given });
  verifiers.push(verifier);
  return { verifier, errors, codes: () => [secret, GUESSED, "legacy-key-000043"].map((key) => verifier.verifyKey(key).code).join() };
}
const GOOD = "valid,valid,unknown";

/** Waits until what is published was made with this pepper. */
const published = (id) =>
  until(`a tree under ${id}`, async () => (await cli("inspect", control.file("data/published/r/acme/bundle"))).directory.pepper_id === id);
/** Whether what is published confirms a guess: the second half of its digest, as a shard has it. */
const confirms = () => readFileSync(control.file("data/published/r/acme/bundle")).includes(Buffer.from(sha256.subarray(8, 16)).reverse());

let [one, two, plain, both, late] = [];
await step("a realm without a pepper asks for none, and confirms a guess", async () => {
  plain = await edge({});
  await until("both keys are known", () => plain.codes() === GOOD);
  await until("the bundle has them", confirms);
});
await step("a pepper is created, and given to edges, and nothing changes", async () => {
  one = await pepper("create");
  const [shown] = await pepper("show");
  check(shown.pepper === one.pepper && shown.state === "new" && shown.here === one.path, JSON.stringify(shown));
  check(/^[\w-]{43}\n$/.test(text(one)), "the file is what edges are given");
  both = await edge({ pepper: text(one) });
  check(both.codes() === GOOD, both.codes());
});
await step("it is used: edges that have it go on, and a guess is not confirmed any more", async () => {
  await pepper("rotate");
  await published(one.pepper);
  const { epoch } = plain.verifier;
  await until("the edge that has it serves by it", () => both.verifier.epoch > epoch);
  check(both.codes() === GOOD && both.errors.length === 0, `${both.codes()} ${both.errors}`);
  check(!confirms(), "the digest of the guess is in the bundle");
});
await step("an edge that has it not says so, and goes on with what it has", async () => {
  await until("it was told", () => plain.errors.some((error) => error.name === "UpdateError" && error.code === "wrong_pepper"));
  check(plain.errors.some((error) => error.message.includes(one.pepper)), `${plain.errors}`);
  check(plain.codes() === GOOD, plain.codes());
});
await step("one that begins without it, or with another one, serves nothing", async () => {
  for (const given of [{}, { pepper: "A".repeat(43) }, { pepper: text(one).slice(0, 30) }]) {
    const ended = await edge(given).then(({ verifier }) => verifier.verifyKey(secret).code, (error) => error.code ?? error.message);
    check(["wrong_pepper", "snapshot_missing"].includes(ended), ended);
  }
});
await step("it is rotated: edges with both never refuse a key", async () => {
  two = await pepper("create");
  late = await edge({ pepper: [bytes(two), text(one)] });
  const only = both;
  const { epoch } = late.verifier;
  let asked = 0;
  await pepper("rotate");
  await until("it serves under the new one", () => {
    asked++;
    check(late.codes() === GOOD, late.codes());
    return late.verifier.epoch > epoch && only.errors.some((error) => error.code === "wrong_pepper");
  });
  check(asked > 0 && late.errors.length === 0 && only.codes() === GOOD, `${late.errors} ${only.codes()}`);
  await published(two.pepper);
});
await step("the command that verifies finds it beside the signing keys", async () => {
  const { code, out } = await control.cli(["verify", GUESSED]);
  check(code === 0 && out.code === "valid", JSON.stringify(out));
});
await step("none is retired that is in use, or that edges may need", async () => {
  await refused("pepper_in_use", "trust", "pepper", "retire", two.pepper);
  await refused("pepper_in_use", "trust", "pepper", "retire", two.pepper, "--early");
  await refused("pepper_in_use", "trust", "pepper", "retire", one.pepper);
  await pepper("retire", one.pepper, "--early");
  const left = await pepper("show");
  check(left.length === 1 && left[0].pepper === two.pepper && left[0].state === "in_use", JSON.stringify(left));
  const after = await edge({ pepper: text(two) });
  check(after.codes() === GOOD, after.codes());
});
await step("no secret is in anything that was answered, printed, logged or thrown", async () => {
  const said = JSON.stringify([control.transcript, verifiers.length, [plain, both, late].flatMap(({ errors }) => errors.map((error) => `${error.stack}`))]);
  for (const secret of [bytes(two), bytes(two).subarray(0, 12)].flatMap((some) => ["hex", "base64url"].map((form) => Buffer.from(some).toString(form)))) {
    check(!said.includes(secret), "a pepper was told");
  }
});

verifiers.forEach((verifier) => verifier.close());
await control.stop();
control.remove();
end("pepper");
