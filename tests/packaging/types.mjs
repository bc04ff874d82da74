// Type-checks users' programs against the packed package, the way Node and the way bundlers resolve it.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const common = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,dom,dom.iterable"];
const types = ["--types", "node", "--typeRoots", file("../../js/node_modules/@types")];
let failed = 0;
const programs = [["consumer.ts", "--exactOptionalPropertyTypes"], ["loose.ts"]];
for (const resolution of ["nodenext", "bundler"]) {
  const mode = ["--module", resolution === "bundler" ? "esnext" : resolution, "--moduleResolution", resolution];
  for (const [program, ...options] of programs) {
    const { status, stdout } = spawnSync(file("../../js/node_modules/.bin/tsc"), [...common, ...types, ...mode, ...options, file(program)], { encoding: "utf8" });
    console.log(`types of ${program}, resolved as ${resolution}: ${status === 0 ? "ok" : `FAILED\n${stdout}`}`);
    if (status !== 0) failed++;
  }
}
process.exit(failed > 0 ? 1 : 0);
