// Does what js/docs/migrating.md says: each export becomes a realm whose edges accept the keys that were there before. `node tests/e2e/migrating.mjs EDGELATCH`, where EDGELATCH is
// the command's path; the staged package must be in tests/.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const binary = resolve(process.argv[2]);
const work = mkdtempSync(join(tmpdir(), "edgelatch-migrating-"));
const beside = mkdtempSync(here("../migrating-")); // where the package is found
process.on("exit", () => [work, beside].forEach((directory) => rmSync(directory, { recursive: true, force: true, maxRetries: 10 })));
const env = { ...process.env, PATH: `${dirname(binary)}:${process.env.PATH}` };

/** Keys whose digests the page shows, and whether they are accepted afterwards. */
const KEYS = {
  Unkey: { "unkey_3ZkQ8nWm4cTqXyVbNs7Lr2Hd": true, "unkey_9GtR5pJf1vKwBxCzMe6Yu8Qa": false },
  Kong: { "kong-key-0123456789abcdef": true, "kong-key-fedcba9876543210": true, "kong-key-of-nobody-at-all": false },
  "A table of your own": { "my-own-key-0123456789": true, "my-own-key-9876543210": false },
  "Digests that cannot be moved": {},
};

function walked(heading, text) {
  const directory = join(work, heading.replaceAll(" ", "-"));
  mkdirSync(directory);
  const run = (command, args, input) => spawnSync(command, args, { cwd: directory, env, input, encoding: "utf8" });
  const done = (command, args) => execFileSync(command, args, { cwd: directory, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  done(binary, ["init", "--realm", "acme"]);
  for (const [, file, language, body] of text.matchAll(/(?:^\*\*([^*]+)\*\*:\n\n)?^```(\w+)\n(.*?)^```$/gms)) {
    if (file !== undefined) writeFileSync(join(directory, file), body);
    else if (language === "sh") for (const line of body.trim().split("\n")) done("bash", ["-c", line]);
    else if (language === "js") {
      writeFileSync(join(beside, "program.mjs"), body);
      done(process.execPath, [join(beside, "program.mjs")]);
    } else if (language !== "sql") throw new Error(`a block of ${language}, which nothing runs`);
  }
  for (const [key, accepted] of Object.entries(KEYS[heading])) {
    const { status, stdout } = run(binary, ["verify", "--key-stdin", "--permission", "zone.view"], key);
    if ((status === 0) !== accepted) throw new Error(`${key} is ${accepted ? "refused" : "accepted"}: ${stdout}`);
  }
}

const sections = new Map(readFileSync(here("../../js/docs/migrating.md"), "utf8").split(/^## /m).slice(1).map((text) => [text.split("\n")[0], text]));
let [passed, failed] = [0, 0];
for (const heading of Object.keys(KEYS)) {
  try {
    if (!sections.get(heading)?.includes("```")) throw new Error("there is nothing to run");
    walked(heading, sections.get(heading));
    passed++;
  } catch (error) {
    failed++;
    console.log(`${heading}: ${[error.message, error.stdout, error.stderr].filter(Boolean).join("\n")}`);
  }
}
for (const [heading, text] of sections) if (!(heading in KEYS) && text.includes("```")) failed++, console.log(`${heading}: has blocks that nothing runs`);
console.log(`migrating: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
