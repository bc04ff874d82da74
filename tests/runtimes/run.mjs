// Runs the suite on every runtime, or on those named: `node tests/runtimes/run.mjs [node deno bun workerd]`.
import { execFile } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { trapping } from "./trap.mjs";
import { packageModules, startWorkerd, workDirectory } from "./workerd.mjs";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const tool = (name) => file(`../../js/node_modules/.bin/${name}`);

async function native(command, ...args) {
  const { stdout, stderr } = await promisify(execFile)(command, [...args, file("native.mjs")], {
    env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" },
    maxBuffer: 1 << 24,
  });
  if (stderr !== "") console.error(stderr);
  return JSON.parse(stdout);
}

async function workerd() {
  const directory = workDirectory();
  for (const name of ["worker.mjs", "suite.mjs", "fixture.json"]) cpSync(file(name), join(directory, name));
  const modules = packageModules(directory);
  const wasm = readFileSync(join(directory, "edgelatch/wasm/edgelatch.wasm"));
  for (const [name, stopped] of [["trapsOnKey.wasm", "verify_key"], ["trapsOnPath.wasm", "path"], ["trapsOnIdentity.wasm", "identity"]]) {
    writeFileSync(join(directory, name), trapping(wasm, [stopped]));
    modules.unshift([name, "wasm", name]);
  }
  modules.unshift(["worker.mjs", "esModule", "worker.mjs"], ["suite.mjs", "esModule", "suite.mjs"], ["fixture.json", "json", "fixture.json"]);
  const { listeners, stop } = await startWorkerd(directory, modules, [{ name: "suite", bindings: [] }]);
  try {
    return await (await fetch(`http://127.0.0.1:${listeners[0].port}/`)).json();
  } finally {
    stop();
  }
}

const runtimes = {
  node: () => native(process.execPath),
  deno: () => native(tool("deno"), "run", "-A", "--node-modules-dir=manual"),
  bun: () => native(tool("bun")),
  workerd,
};

let failed = 0;
const named = process.argv.slice(2);
for (const name of named.length > 0 ? named : Object.keys(runtimes)) {
  const results = await runtimes[name]().catch((error) => [["the suite ran", error.stderr || error.stack]]);
  const broken = results.filter(([, error]) => error !== null);
  failed += broken.length;
  for (const [test, error] of broken) console.log(`${name}: ${test}: ${error}`);
  console.log(`${name}: ${results.length - broken.length} passed, ${broken.length} failed`);
}
process.exit(failed > 0 ? 1 : 0);
