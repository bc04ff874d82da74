// The programs of the guides that need more than the package, each run as it stands beside what it needs: `node tests/hosts/guides.mjs`.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import "./beside.mjs";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const directory = mkdtempSync(file("./guides-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
let [passed, failed] = [0, 0];
for (const guide of ["observability.md"]) {
  const programs = [...readFileSync(file(`../../js/docs/${guide}`), "utf8").matchAll(/^```js\n(.*?)^```$/gms)];
  if (programs.length === 0) throw new Error(`${guide} has no program`);
  for (const [i, [, text]] of programs.entries()) {
    const path = join(directory, `program-${i + 1}.mjs`);
    writeFileSync(path, text);
    try {
      execFileSync(process.execPath, [path], { stdio: "pipe", timeout: 60_000 });
      passed++;
    } catch (error) {
      failed++;
      console.log(`${guide}, program ${i + 1}: ${error.stderr}`);
    }
  }
}
console.log(`guides: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
