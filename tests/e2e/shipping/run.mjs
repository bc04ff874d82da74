// What `cargo xtask dist` makes, looked at and run: `node tests/e2e/shipping/run.mjs DIST`. Where a tool is missing, a line says what was left out;
// with CI set that is a failure.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { end, step } from "../steps.mjs";
import { imageSteps } from "./image.mjs";
import { deploySteps } from "./deploy.mjs";
import { operationsSteps } from "./operations.mjs";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const dist = resolve(process.argv[2]);
const work = mkdtempSync(join(tmpdir(), "edgelatch-dist-"));

function check(holds, what) {
  if (!holds) throw new Error(what);
}
/** A program's output; what it says on standard error is part of the error if it fails. */
function run(program, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8", maxBuffer: 1 << 28, ...options });
  if (error || status !== 0) throw new Error(`${program} ${args.join(" ")}: ${error ?? `exit ${status}`}\n${stderr}${stdout}`);
  return stdout;
}
/** A step that needs a program. */
function stepWith(program, name, test) {
  if (spawnSync("sh", ["-c", `command -v ${program}`]).status === 0) return step(name, test);
  if (process.env.CI) return step(name, () => check(false, `${program} is not installed`));
  console.log(`skipped  ${name}: ${program} is not installed`);
}

const files = readdirSync(dist);
const archive = files.find((name) => name.endsWith(".tar.gz"));
const unpacked = join(work, archive.replace(".tar.gz", ""));

await step("the checksums are those of all files, and of nothing else", () => {
  const lines = readFileSync(join(dist, "SHA256SUMS"), "utf8").trim().split("\n").map((line) => line.split("  "));
  check(JSON.stringify(lines.map(([, name]) => name)) === JSON.stringify(files.filter((name) => name !== "SHA256SUMS").sort()), `${lines}`);
  for (const [sum, name] of lines) check(createHash("sha256").update(readFileSync(join(dist, name))).digest("hex") === sum, name);
});

await step("the archive has the program, its manual, completions, documents and what runs it", () => {
  execFileSync("tar", ["-xzf", join(dist, archive), "-C", work]);
  const expected = ["edgelatch", "LICENSE", "README.md", "SECURITY.md", "man/edgelatch.1", "man/edgelatch-serve.1", "completions/edgelatch.bash", "completions/_edgelatch", "completions/edgelatch.fish", "deploy/edgelatch.service", "deploy/kubernetes.yaml", "deploy/compose.yaml", "deploy/edgelatch.toml", "docs/alerts.yml", "docs/grafana.json", "docs/disasters.md"];
  for (const name of expected) check(statSync(join(unpacked, name)).size > 0, name);
  check(run(join(unpacked, "edgelatch"), ["--version"]).startsWith("edgelatch "), "--version");
  run("bash", ["-n", join(unpacked, "completions/edgelatch.bash")]);
});

await step("the list of parts names each package that the lock file has for the program, with version and origin", () => {
  const list = JSON.parse(readFileSync(join(dist, files.find((name) => name.endsWith(".cdx.json"))), "utf8"));
  check(list.bomFormat === "CycloneDX", list.bomFormat);
  const listed = new Set(list.components.map(({ name, version, purl }) => (check(version && (purl || name.startsWith("edgelatch")), name), `${name} ${version}`)));
  // What cargo itself says of the same target.
  const triple = archive.replace(/^edgelatch-[^-]+-|(-unoptimised)?\.tar\.gz$/g, "");
  const tree = run("cargo", ["tree", "--package", "edgelatch", "--edges", "normal", "--target", triple, "--prefix", "none", "--format", "{p}"], { cwd: root });
  const needed = new Set(tree.trim().split("\n").map((line) => line.split(" ").slice(0, 2).join(" ").replace(" v", " ")));
  const missing = [...needed].filter((part) => !listed.has(part) && !part.startsWith("edgelatch"));
  check(needed.size > 100 && missing.length === 0, `missing: ${missing}`);
});

const context = { check, run, stepWith, dist, root, work, unpacked, program: join(unpacked, "edgelatch") };
await imageSteps(context);
await deploySteps(context);
await operationsSteps(context);
rmSync(work, { recursive: true, force: true });
end("shipping");
