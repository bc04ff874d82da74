// The package as it is published: what is in it, what each entry loads and weighs, and what two linters say of it.
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { reached } from "../../tests/packaging/reached.mjs";

const js = fileURLToPath(new URL("..", import.meta.url));
const manifest = JSON.parse(readFileSync(join(js, "package.json"), "utf8"));

const TEXT = /entry\/core\/text\.js$/;
const FILE = "wasm/edgelatch.wasm?module";
/** What makes realms for tests, as text and as file: in no entry but that for tests. */
const BUILDER = /entry\/testing\/text\.js$|testing\.wasm/;

/** A module's most bytes, with what it loads, and compressed. Raised only for something that is worth it. */
const MOST = { slim: { raw: 282_000, gzip: 73_500 }, text: { raw: 555_000, gzip: 199_000 }, file: { raw: 465_000, gzip: 165_500 }, adapter: { raw: 59_500, gzip: 18_000 }, part: { raw: 28_500, gzip: 7_500 }, "testing text": { raw: 960_000, gzip: 350_000 }, "testing file": { raw: 780_000, gzip: 285_000 } };

/** Each script that `exports` names: its conditions, its path, what it loads. */
function* scripts(exported = manifest.exports, conditions = []) {
  for (const [condition, to] of Object.entries(exported)) {
    if (typeof to === "object") yield* scripts(to, [...conditions, condition]);
    else if (condition === "default" && to.endsWith(".js")) yield { conditions, path: to.slice(2), loads: [...reached(js, to.slice(2))] };
  }
}

/** What an entry is, by what it is for. */
function kindOf([name, ...conditions]) {
  if (name === "./slim") return "slim";
  if (name === "./testing") return conditions.some((condition) => ["workerd", "edge-light"].includes(condition)) ? "testing file" : "testing text";
  if (name !== ".") return name === "./file" ? "part" : "adapter";
  return conditions.some((condition) => ["workerd", "edge-light"].includes(condition)) ? "file" : "text";
}

test("each entry brings the core once, as its host takes it, and no host's modules but its own", () => {
  const kinds = { slim: [0, 0], adapter: [0, 0], part: [0, 0], text: [1, 0], file: [0, 1], "testing text": [1, 0], "testing file": [0, 1] };
  for (const { conditions, path, loads } of scripts()) {
    const found = [loads.filter((file) => TEXT.test(file)).length, loads.filter((file) => file === FILE).length];
    assert.deepEqual(found, kinds[kindOf(conditions)], `${conditions.join(" ")}: texts, files`);
    assert.equal(loads.some((file) => BUILDER.test(file)), conditions[0] === "./testing", `${path}: what builds realms`);
    assert.equal(path.startsWith("dist/cjs/"), conditions.includes("require"), path);
    const hosts = loads.filter((file) => /\/entry\/host\/(?!context)/.test(file));
    assert.equal(hosts.length, ["adapter", "part"].includes(kindOf(conditions)) ? 0 : 1, `${path}: ${hosts}`);
  }
});

test("no entry grows unnoticed", () => {
  for (const { conditions, path, loads } of scripts()) {
    const bytes = Buffer.concat(loads.map((file) => readFileSync(join(js, file.replace("?module", "")))));
    const size = { raw: bytes.length, gzip: gzipSync(bytes).length };
    const most = MOST[kindOf(conditions)];
    for (const form of ["raw", "gzip"]) assert.ok(size[form] <= most[form], `${path}, ${form}: ${size[form]} bytes, ${most[form]} at the most`);
  }
});

test("no module looks for a file of the package when it runs", () => {
  for (const { path, loads } of scripts()) {
    for (const file of loads.filter((name) => name.endsWith(".js"))) assert.doesNotMatch(readFileSync(join(js, file), "utf8"), /import\.meta|__dirname|__filename|\bimport\(/, `${path} loads ${file}`);
  }
});

/** The files that belong into it: what each source compiles to, once for each kind of module that loads it. */
function expected() {
  const loaded = [...scripts()].flatMap(({ loads }) => loads);
  const sources = readdirSync(join(js, "src"), { recursive: true }).filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"));
  const compiled = [...sources.map((name) => `dist/${name.replace(/\.ts$/, "")}`), "dist/entry/core/text", "dist/entry/testing/text"];
  const required = loaded.filter((name) => name.startsWith("dist/cjs/")).map((name) => name.replace(/\.js$/, ""));
  return new Set([
    "LICENSE", "README.md", "package.json", ...readdirSync(join(js, "docs")).map((page) => `docs/${page}`), "wasm/edgelatch.wasm", "wasm/testing.wasm", "dist/edgelatch.wasm.d.ts", "dist/cjs/edgelatch.wasm.d.ts", "dist/cjs/package.json",
    ...[...compiled, ...required].flatMap((name) => [`${name}.js`, `${name}.d.ts`]),
  ]);
}

const directory = mkdtempSync(join(tmpdir(), "edgelatch-package-"));
test.after(() => rmSync(directory, { recursive: true }));
const [packed] = JSON.parse(execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", directory], { cwd: js, stdio: ["ignore", "pipe", "ignore"] }));

test("the package holds what was compiled, and nothing else", () => {
  const found = packed.files.map(({ path }) => path);
  const wanted = expected();
  // Types that only other types name are compiled for CommonJS too, and nothing loads them.
  const typesOnly = (path) => path.startsWith("dist/cjs/") && wanted.has(path.replace("/cjs/", "/"));
  assert.deepEqual(found.filter((path) => !wanted.has(path) && !typesOnly(path)), []);
  assert.deepEqual([...wanted].filter((path) => !found.includes(path)), []);
});

test("publint has nothing to say", async () => {
  const { messages } = await publint({ pkgDir: js, strict: true, pack: "npm" });
  assert.deepEqual(messages.map((message) => formatMessage(message, manifest, { color: false })), []);
});

test("are-the-types-wrong has nothing to say", async () => {
  const { problems } = await checkPackage(createPackageFromTarballData(readFileSync(join(directory, packed.filename))));
  assert.deepEqual(problems, []);
});
