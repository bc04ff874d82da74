// An edge that hears of new epochs over a stream only, and prints what it knows: one JSON object a line. It lives as long as its
// standard input is open, and never closes its verifier.
import { createVerifier, httpSource } from "edgelatch";

const print = (line) => console.log(JSON.stringify(line));
const source = httpSource(process.env.EDGELATCH_SOURCE);
/** The same source, which tells what it is asked for. */
const told = Object.entries(source).map(([name, ask]) => [name, (...given) => (print({ asked: name }), ask(...given))]);
const verifier = await createVerifier({
  root: process.env.EDGELATCH_ROOT,
  source: Object.fromEntries(told),
  refresh: { interval: 3_600_000, stream: true },
  onError: (error) => print({ error: error.message }),
});
let last = 0;
const watching = setInterval(() => {
  if (verifier.epoch !== last) print({ epoch: (last = verifier.epoch) });
}, 10);
process.stdin.on("end", () => clearInterval(watching)).resume();
