// Packs the package and unpacks it where tests and examples import it from, so that what is tested is what is published.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL("..", import.meta.url));
for (const [file, command] of [["wasm/edgelatch.wasm", "cargo xtask wasm"], ["dist/index.js", "npm run build"]]) {
  if (!existsSync(join(here, file))) {
    console.error(`js/${file} is missing: run \`${command}\` first`);
    process.exit(1);
  }
}
const out = mkdtempSync(join(tmpdir(), "edgelatch-pack-"));
try {
  const [{ filename }] = JSON.parse(execFileSync("npm", ["pack", "--json", "--pack-destination", out], { cwd: here, stdio: ["ignore", "pipe", "ignore"] }));
  for (const user of ["tests", "examples"]) {
    const target = join(here, "..", user, "node_modules", "edgelatch");
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target, { recursive: true });
    execFileSync("tar", ["-xzf", join(out, filename), "--strip-components=1", "-C", target]);
    console.log(`unpacked ${filename} into ${user}/node_modules/edgelatch`);
  }
} finally {
  rmSync(out, { recursive: true, force: true });
}
