// Runs the judge of the address cases inside wasm: `node run.cjs MODULE.js ROWS.tsv` prints a JSON array with ""
// or a fault for each row.
const { readFileSync } = require("node:fs");
const { judge_ip } = require(process.argv[2]);
console.log(JSON.stringify(judge_ip(readFileSync(process.argv[3], "utf8"))));
