// The manifest for JSR: the same version and the same entries as the npm package's, and nothing that JSR would refuse.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { stage } from "../scripts/jsr.mjs";

const js = fileURLToPath(new URL("..", import.meta.url));
const [npm, jsr] = ["package.json", "jsr.json"].map((name) => JSON.parse(readFileSync(join(js, name), "utf8")));

test("version, license and entries are those of the npm package, as Deno takes them", () => {
  assert.deepEqual([jsr.version, jsr.license], [npm.version, npm.license]);
  const scripts = Object.entries(npm.exports).flatMap(([name, to]) => {
    const path = (to.deno ?? to.default)?.default;
    return path === undefined ? [] : [[name, path]];
  });
  assert.ok(scripts.length >= 14);
  assert.deepEqual(jsr.exports, Object.fromEntries(scripts));
});

test("the npm package can be published with its provenance: it names the repository, and is public", () => {
  assert.match(npm.repository.url, /^git\+https:\/\/github\.com\//);
  assert.equal(npm.private, undefined);
});

test("`deno publish` takes it, types and all", () => {
  const directory = mkdtempSync(join(tmpdir(), "edgelatch-jsr-"));
  try {
    stage(directory);
    const deno = join(js, "node_modules/.bin/deno");
    const { status, stdout, stderr } = spawnSync(deno, ["publish", "--dry-run", "--allow-dirty"], { cwd: directory, encoding: "utf8", env: { ...process.env, DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" } });
    assert.equal(status, 0, stdout + stderr);
    // It warns of modules without types; of types that it has to infer it makes an error.
    assert.doesNotMatch(stderr, /warning|unsupported/i);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
