// `node write.mjs FIGURES`: puts the figures of a run into BENCHMARKS.md, between its markers, and draws BENCHMARKS.svg.
import { readFileSync, writeFileSync } from "node:fs";
import { chart } from "./chart.mjs";
import { tables } from "./tables.mjs";

const PAGE = new URL("../../../BENCHMARKS.md", import.meta.url);
const CHART = new URL("../../../BENCHMARKS.svg", import.meta.url);

const figures = JSON.parse(readFileSync(process.argv[2], "utf8"));
let page = readFileSync(PAGE, "utf8");
for (const [place, text] of Object.entries(tables(figures))) {
  const [begin, end] = [`<!-- begin ${place} -->`, `<!-- end ${place} -->`];
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (after === undefined) throw new Error(`BENCHMARKS.md has no ${begin} … ${end}`);
  page = `${before}${begin}\n${text}\n${end}${after}`;
}
writeFileSync(PAGE, page);
writeFileSync(CHART, chart(figures, figures.goals.share));
console.log("wrote BENCHMARKS.md and BENCHMARKS.svg");
