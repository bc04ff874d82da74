// The programs of the guides, each run as it stands, over the package where applications have it; and the codes that they name.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { CODES } from "../dist/entry/node.js";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
/** Guides of which every program can be run by itself. */
const RUN = ["codes.md", "errors.md", "options.md", "testing.md"];
/** Those whose programs need more, or have none, each with what runs them. */
const ELSEWHERE = {
  "bundlers.md": "tests/packaging/types.mjs",
  "hosts.md": "tests/hosts/examples.mjs",
  "lambda.md": "tests/hosts/guides.mjs",
  "migrating.md": "tests/e2e/migrating.mjs",
  "observability.md": "tests/hosts/guides.mjs",
  "reference.md": "js/test/reference.test.mjs",
  "start.md": "tests/e2e/start.mjs",
  "workers.md": "tests/hosts/guides.mjs",
};
const directory = mkdtempSync(file("../../tests/guides-"));
test.after(() => rmSync(directory, { recursive: true }));

for (const guide of RUN) {
  const programs = [...readFileSync(file(`../docs/${guide}`), "utf8").matchAll(/^```(\w+)\n(.*?)^```$/gms)];
  test(`the programs of ${guide}`, () => {
    assert.ok(programs.length > 0);
    for (const [, language, text] of programs) {
      assert.equal(language, "js", "only what can be run is run");
      const path = join(directory, "program.mjs");
      writeFileSync(path, text);
      execFileSync(process.execPath, [path], { stdio: "pipe" });
    }
  });
}

test("the programs of each guide are run somewhere", () => {
  assert.deepEqual(readdirSync(file("../docs")).sort(), [...RUN, ...Object.keys(ELSEWHERE)].sort());
  for (const path of Object.values(ELSEWHERE)) assert.ok(existsSync(file(`../../${path}`)), path);
});

test("every option has its row, and every row its option", () => {
  const declared = readFileSync(file("../src/types/options.ts"), "utf8").split("export interface VerifierOptions {")[1];
  const options = [...declared.matchAll(/^  readonly (\w+)\??:/gm)].map(([, name]) => name);
  assert.ok(options.length > 15);
  const rows = [...readFileSync(file("../docs/options.md"), "utf8").split("## Behind")[0].matchAll(/^\| (`\w+`(?:, `\w+`)*) \|/gm)];
  const named = rows.flatMap(([, names]) => names.split(", ").map((name) => name.replaceAll("`", "")));
  assert.deepEqual(named.sort(), options.sort());
});

test("every verdict's code and every error's class has its row", () => {
  const text = readFileSync(file("../docs/errors.md"), "utf8");
  const means = readFileSync(file("../docs/codes.md"), "utf8").split("## What to do")[1];
  for (const { name } of CODES) assert.ok(name === "valid" || means.includes(`\`${name}\``), name);
  const classes = [...readFileSync(file("../src/errors.ts"), "utf8").matchAll(/export class (\w+)/g)].map(([, name]) => name);
  assert.ok(classes.length > 5);
  for (const name of classes) assert.ok(text.includes(`\`${name}\``), name);
});

test("what the package's README points to is in the package", () => {
  const pages = readdirSync(file("../docs"));
  for (const [, page] of readFileSync(file("../README.md"), "utf8").matchAll(/\]\(docs\/([\w.-]+)/g)) assert.ok(pages.includes(page), page);
});
