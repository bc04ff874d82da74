// Type-checks programs for each framework against the packed package and the framework's own types, under `strict`: `node tests/hosts/types.mjs`.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import "./beside.mjs";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));

const base = { noEmit: true, strict: true, exactOptionalPropertyTypes: true, noUnusedLocals: true, target: "es2022", module: "nodenext", lib: ["es2022", "dom", "dom.iterable"], types: ["node"], skipLibCheck: true };
/** Older versions go by their newer one's name, as in an application. */
const OLDER = [["fastify4", "fastify.ts", { fastify: ["./node_modules/fastify4/fastify.d.ts"] }], ["h3v1", "h3v1.ts", { h3: ["./node_modules/h3v1/dist/index.d.ts"] }]];
const programs = readdirSync(file("types")).filter((name) => name !== "h3v1.ts").map((name) => [name.replace(".ts", ""), name, undefined]);
const directory = mkdtempSync(file("./checking-"));
let [passed, failed] = [0, 0];
for (const [name, program, paths] of [...programs, ...OLDER]) {
  const config = join(directory, `${name}.json`);
  const mapped = paths && Object.fromEntries(Object.entries(paths).map(([from, [to]]) => [from, [to.replace("./", "../")]]));
  writeFileSync(config, JSON.stringify({ compilerOptions: { ...base, ...(mapped && { paths: mapped }) }, files: [file(`types/${program}`)] }));
  const { status, stdout } = spawnSync(file("../../js/node_modules/.bin/tsc"), ["-p", config], { encoding: "utf8" });
  if (status === 0) passed++;
  else failed++;
  if (status !== 0) console.log(`types of ${name}: ${stdout}`);
}
rmSync(directory, { recursive: true });
console.log(`types: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
