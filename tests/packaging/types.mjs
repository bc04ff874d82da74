// Type-checks users' programs, those of js/README.md too, against the packed package: as Node resolves it and as bundlers do.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { readmePrograms } from "./readme.mjs";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const common = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,dom,dom.iterable"];
const types = ["--types", "node", "--typeRoots", file("../../js/node_modules/@types")];
const programs = [
  ["consumer.ts", [file("consumer.ts"), "--exactOptionalPropertyTypes"]],
  ["loose.ts", [file("loose.ts")]],
  ["js/README.md", readmePrograms()],
];
let failed = 0;
for (const resolution of ["nodenext", "bundler"]) {
  const mode = ["--module", resolution === "bundler" ? "esnext" : resolution, "--moduleResolution", resolution];
  for (const [program, arguments_] of programs) {
    const { status, stdout } = spawnSync(file("../../js/node_modules/.bin/tsc"), [...common, ...types, ...mode, ...arguments_], { encoding: "utf8" });
    console.log(`types of ${program}, resolved as ${resolution}: ${status === 0 ? "ok" : `FAILED\n${stdout}`}`);
    if (status !== 0) failed++;
  }
}
process.exit(failed > 0 ? 1 : 0);
