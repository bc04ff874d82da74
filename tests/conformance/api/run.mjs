// The API's document and the server behind it, judged by programs that are not ours: two linters read the document, and a
// fuzzer makes requests from it, sound and unsound ones, and compares every answer with what the document promises.
// `node tests/conformance/api/run.mjs EDGELATCH PROGRAMS`: the command's path, and the directory of the Python programs.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Control } from "../../systems/harness/control.mjs";
import { reporter } from "./reporter.mjs";

const [binary, programs] = process.argv.slice(2);
const js = fileURLToPath(new URL("../../../js/", import.meta.url));
const work = mkdtempSync(join(tmpdir(), "edgelatch-fuzz-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));

// The fuzzer sends many wrong keys, more than the limit of failed authentications allows a client: the limit is raised.
const control = new Control(binary, "acme");
process.on("exit", () => control.remove());
await control.init("default");
await control.serve(["--auth-failures", "60000", "--github-keys", reporter(control.directory).list]);
// Without objects to find, every request would be answered 404 and no body would ever be read.
const { key } = (await control.cli(["keys", "create", "--name", "ci", "--role", "reader"])).out;
const document = join(work, "openapi.json");
const described = (await control.rest("GET", "/api/v1/openapi.json")).body;
writeFileSync(document, JSON.stringify(described));
// If the document offers both schemes, the fuzzer sends two keys in one request, which is always refused with 400.
const fuzzed = join(work, "fuzzed.json");
delete described.components.securitySchemes.apiKey;
writeFileSync(fuzzed, JSON.stringify({ ...described, security: [{ bearer: [] }] }));

// Half of the path parameters are ids of objects that exist; bodies are made up.
const { events } = (await control.rest("GET", "/api/v1/realms/acme/events")).body;
const known = { event: events[0].event, realm: "acme", org: "main", owner: "admin", role: "reader", key_id: key.key_id };
writeFileSync(
  join(work, "schemathesis.toml"),
  [
    ...["[parameters]", ...Object.entries(known).map(([name, id]) => `"path.${name}" = "${id}"`)],
    // Calls that wait for edges would wait for those that are not there.
    `"query.wait" = 0`,
    // A precondition is looked at before the body (RFC 9110 section 13.2.1), and so is the body's size.
    ...["[checks.negative_data_rejection]", `expected-statuses = ["400", "401", "403", "404", "405", "409", "412", "413", "415", "422", "429"]`],
    // A schema cannot say, for one, that a text must be an IP address.
    ...["[checks.positive_data_acceptance]", "enabled = false"],
    // It is answered before the file is read: what is wrong with the file is told by the import that was begun.
    ...["[[operations]]", `include-operation-id = "beginImport"`, "checks.negative_data_rejection.enabled = false"],
  ].join("\n"),
);

let failed = 0;
/** Runs a program, and meanwhile reads what the server prints. */
const run = (name, program, args) =>
  new Promise((resolve) => {
    execFile(program, args, { cwd: work, maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      console.log(`${error === null ? "ok  " : "FAIL"} ${name}`);
      const said = `${error?.code === "ENOENT" ? error.message : ""}${stdout}${stderr}`.split("\n").map((line) => line.slice(0, 500));
      if (error !== null) console.log(said.slice(-300).join("\n"));
      failed += error === null ? 0 : 1;
      resolve();
    });
  });
await run("openapi-spec-validator", join(programs, "openapi-spec-validator"), [document]);
await run("redocly lint", join(js, "node_modules/.bin/redocly"), ["lint", document, "--extends", "recommended"]);
await run("schemathesis", join(programs, "schemathesis"), [
  ...["--config-file", join(work, "schemathesis.toml"), "run", fuzzed, "--url", control.url],
  ...["--header", `Authorization: Bearer ${control.administrator}`, "--max-examples", "60", "--seed", "7", "--continue-on-failure"],
  ...["--no-color", "--suppress-health-check", "all"],
]);
console.log(`${3 - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
