// Bundles a program with everything that people bundle with, and runs what comes of it:
// `node tests/hosts/bundlers/run.mjs [--write] [words of a case]`. Without words the table in js/docs/bundlers.md is compared, or written.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { APPLICATIONS } from "./cases/apps.mjs";
import { BUNDLERS } from "./cases/bundlers.mjs";
import { HOSTS } from "./cases/hosts.mjs";
import { NEXT } from "./cases/next.mjs";
import { SLIM } from "./cases/slim.mjs";
import { TYPES_AND_TESTS } from "./cases/types.mjs";
import { VITE } from "./cases/vite.mjs";
import { Place, versionOf } from "./place.mjs";
import { EXPECTED } from "./program.mjs";

const PAGE = fileURLToPath(new URL("../../../js/docs/bundlers.md", import.meta.url));
const [BEGIN, END] = ["<!-- tried: begin -->\n", "<!-- tried: end -->"];
const words = process.argv.slice(2).filter((word) => word !== "--write");
const cases = [...BUNDLERS, ...VITE, ...TYPES_AND_TESTS, ...HOSTS, ...NEXT, ...APPLICATIONS, ...SLIM].filter(({ tool, how }) => words.every((word) => `${tool} ${how}`.includes(word)));

const rows = [];
let failed = 0;
const count = (fault, what) => {
  if (fault !== undefined) failed++;
  console.log(fault === undefined ? `ok      ${what}` : `FAILED  ${what}: ${fault}`);
};
/** Two at a time: most of a build goes on in one thread of a program of its own. */
const AT_ONCE = 2;
const waiting = cases.entries();
const work = async () => {
  for (const [i, { tool, how, files, run, version = versionOf(tool), expected = EXPECTED }] of waiting) {
    const place = new Place(files);
    const found = await run(place).catch((error) => [error.message, error.stdout, error.stderr].filter(Boolean).join("\n"));
    place.remove();
    const right = typeof expected === "string" ? found === expected : expected.test(found);
    count(right ? undefined : found.slice(0, 2000), `${tool} ${version}, ${how}`);
    rows[i] = `| ${tool} | ${version} | ${how} | ${right ? "works" : "**fails**"} |\n`;
  }
};
await Promise.all(Array.from({ length: AT_ONCE }, work));

if (words.length === 0) {
  const table = `| tool | version | how | result |\n|---|---|---|---|\n${rows.join("")}`;
  console.log(table);
  const page = readFileSync(PAGE, "utf8");
  const [before, rest] = page.split(BEGIN);
  const written = `${before}${BEGIN}${table}${END}${rest.split(END)[1]}`;
  if (process.argv.includes("--write")) writeFileSync(PAGE, written);
  count(readFileSync(PAGE, "utf8") === written ? undefined : "it is out of date: --write writes it", "the table in js/docs/bundlers.md");
}
console.log(`${cases.length + (words.length === 0 ? 1 : 0) - failed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
