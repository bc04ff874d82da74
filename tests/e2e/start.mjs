// Does what js/docs/start.md says, from an empty folder, for each framework, and prints how long it takes to the first 200, 403 and 401:
// `node tests/e2e/start.mjs EDGELATCH [express …]`, where EDGELATCH is the command's path. Changed are the ports, and what npm installs: the packed package of this tree, and
// the versions of the frameworks that other tests are pinned to.
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const [binary, ...named] = process.argv.slice(2);
const page = readFileSync(here("../../js/docs/start.md"), "utf8");
const work = mkdtempSync(join(tmpdir(), "edgelatch-start-"));
const children = [];
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1)); // what runs in the background ends too
process.on("exit", () => {
  for (const child of children) try { process.kill(-child.pid); } catch { /* it has ended */ }
  rmSync(work, { recursive: true, force: true, maxRetries: 10 });
});

const pins = ["../hosts/package.json", "../hosts/bundlers/next-16/package.json"].map((path) => JSON.parse(readFileSync(here(path), "utf8")));
const pinned = Object.assign({}, ...pins.flatMap(({ dependencies = {}, devDependencies = {} }) => [dependencies, devDependencies]));
const [{ filename }] = JSON.parse(execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", work], { cwd: here("../../js"), encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));

/** A command of the page, and what is installed by it. */
const installing = (line) => line.replace(/^npm install (.*)/, (_, packages) => `npm install --no-audit --no-fund --loglevel=error ${packages.split(" ").map((name) => (name === "edgelatch" ? join(work, filename) : `${name}@${pinned[name] ?? missing(name)}`)).join(" ")}`);
const missing = (name) => {
  throw new Error(`${name} is pinned nowhere`);
};

const freePort = () =>
  new Promise((done) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => done(port));
    });
  });

async function answers(port) {
  for (const until = Date.now() + 60_000; Date.now() < until; await new Promise((turn) => setTimeout(turn, 20))) if (await fetch(`http://127.0.0.1:${port}/`).then(() => true, () => false)) return;
  throw new Error(`nothing answers at port ${port}`);
}

/** The steps under a heading: commands, and files with their names. */
function steps(heading) {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`js/docs/start.md has no section ${heading}`);
  return [...section.matchAll(/(?:^`([^`]+)`:\n\n)?^```(\w+)\n(.*?)^```$/gms)].flatMap(([, file, language, text]) => (language === "sh" ? text.trim().split("\n") : [{ file, text }]));
}

async function walked(framework) {
  const directory = join(work, framework.toLowerCase());
  mkdirSync(directory);
  const [control, api] = [await freePort(), await freePort()];
  const env = { ...process.env, PATH: `${dirname(resolve(binary))}:${process.env.PATH}`, NEXT_TELEMETRY_DISABLED: "1", CI: "1" };
  const begun = Date.now();
  const marks = [];
  let revoked = false;
  for (const step of [...steps("A realm, a key, a server"), ...steps(framework), ...steps("And then")]) {
    if (typeof step === "object") {
      if (step.file === undefined) throw new Error(`${framework}: a program without a file name`);
      mkdirSync(join(directory, dirname(step.file)), { recursive: true });
      writeFileSync(join(directory, step.file), step.text.replaceAll("3000", api));
      continue;
    }
    const [, typed, background, comment] = /^(.*?)\s*(&)?\s*(?:# (.*))?$/.exec(step);
    const line = installing(typed).replaceAll("8787", control).replaceAll("3000", api);
    if (background !== undefined) {
      const child = spawn("bash", ["-c", `exec ${line}`], { cwd: directory, env, detached: true, stdio: ["ignore", "ignore", "inherit"] });
      children.push(child);
      await answers(line.includes(control) ? control : api);
      continue;
    }
    const run = () => execFileSync("bash", ["-c", line], { cwd: directory, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    if (!line.startsWith("curl ")) {
      run();
      revoked ||= line.includes(" revoke");
      continue;
    }
    const asked = () => /^HTTP\/\S+ (\d+)/.exec(run())?.[1];
    let status = asked();
    for (const until = Date.now() + 15_000; revoked && status !== comment && Date.now() < until; status = asked()) await new Promise((turn) => setTimeout(turn, 50));
    if (status !== comment) throw new Error(`${framework}: ${step}: answered ${status}`);
    marks.push(`${revoked ? "refusal of the revoked key" : status} after ${((Date.now() - begun) / 1000).toFixed(1)} s`);
  }
  if (marks.length !== 4) throw new Error(`${framework}: too few requests`);
  console.log(`${framework.padEnd(8)} first ${marks.join(", first ")}`);
}

let [passed, failed] = [0, 0];
for (const framework of ["Express", "Hono", "Next"]) {
  if (named.length > 0 && !named.includes(framework.toLowerCase())) continue;
  await walked(framework).then(
    () => passed++,
    (error) => (failed++, console.log([error.message, error.stdout, error.stderr].filter(Boolean).join("\n"))),
  );
}
console.log(`start: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
