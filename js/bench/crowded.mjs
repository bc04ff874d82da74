// `node crowded.mjs DIR`: how long others wait while an edge takes over the second epoch of a realm whose tenants have gone to their
// limits, and how long the first question about its slowest role set takes. Prints milliseconds.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createVerifier } from "edgelatch";
import { NOW } from "./plain.mjs";

const REQUIREMENTS = 1000;
const ROUNDS = 7;

const [dir] = process.argv.slice(2);
const file = (name) => readFileSync(join(dir, name));
const text = JSON.parse(file("key.json"));
const [root, ...bundles] = [file("1/root.bin"), file("1/bundle.bin"), file("2/bundle.bin")];
const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];

/** Every call into the module, in their order: name and time. */
let calls = [];
const timed = (call, name) => (...given) => {
  const begin = performance.now();
  const answer = call(...given);
  calls.push([name, performance.now() - begin]);
  return answer;
};
const { Instance } = WebAssembly;
WebAssembly.Instance = function (...given) {
  const { exports } = new Instance(...given);
  const entry = ([name, value]) => [name, typeof value === "function" ? timed(value, name) : value];
  return { exports: Object.fromEntries(Object.entries(exports).map(entry)) };
};

async function round() {
  let bundle = bundles[0];
  const source = { bundle: async () => ({ bytes: bundle }) };
  const verifier = await createVerifier({ root, source, now: () => NOW * 1000, refresh: { mode: "manual" } });
  await verifier.refresh();
  const permission = (n) => `${"a.".repeat(15)}p${n}`;
  const ask = (n) => {
    const begin = performance.now();
    const { code } = verifier.verifyKey(text, { service: "cdn", permission: permission(n) });
    if (code !== "permission_denied") throw new Error(code);
    return performance.now() - begin;
  };
  for (let n = 0; n < REQUIREMENTS; n++) ask(n);

  bundle = bundles[1];
  calls = [];
  let [stall, last, done] = [0, performance.now(), false];
  const turn = () => {
    const now = performance.now();
    stall = Math.max(stall, now - last);
    last = now;
    if (!done) setImmediate(turn);
  };
  setImmediate(turn);
  await verifier.refresh();
  stall = Math.max(stall, performance.now() - last);
  done = true;
  if (verifier.epoch !== 2) throw new Error(`epoch ${verifier.epoch}`);
  const update = calls;
  calls = [];
  const question = median(Array.from({ length: REQUIREMENTS }, (_, n) => ask(n)));
  verifier.close();
  return { stall, update, question };
}

const rounds = [];
for (let n = 0; n < ROUNDS; n++) rounds.push(await round());
// The same calls come in each round, so what the machine did meanwhile falls out of their medians.
const same = new Map();
for (const { update } of rounds) {
  const seen = new Map();
  for (const [name, time] of update) {
    const nth = (seen.get(name) ?? 0) + 1;
    seen.set(name, nth);
    const call = `${name} ${nth}`;
    same.set(call, [...(same.get(call) ?? []), time]);
  }
}
const longest = (which) => Math.max(...[...same].filter(([call]) => which(call.split(" ")[0])).map(([, times]) => median(times)));
const all = (of) => median(rounds.map(of));
console.log(
  JSON.stringify({
    // Copying a bundle in grows with all of it, whoever filled it.
    call: longest((name) => name !== "input"),
    input: longest((name) => name === "input"),
    stall: all(({ stall }) => stall),
    question: all(({ question }) => question),
  }),
);
process.exit(0);
