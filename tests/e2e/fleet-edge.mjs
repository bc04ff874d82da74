// An edge that reports which epoch it serves by, and nothing else. It lives as long as its standard input is open, and ends as a program does
// that is asked to.
import { createVerifier, usageReporter } from "edgelatch";

const { EDGELATCH_ROOT: root, EDGELATCH_SOURCE: source, EDGELATCH_API: url, EDGELATCH_KEY: key, EDGELATCH_NAME: edge } = process.env;
const print = (line) => console.log(JSON.stringify(line));
const onError = (error) => print({ error: error.message });
const usage = usageReporter({ url, realm: "acme", key, edge, events: false, onError });
const verifier = await createVerifier({ root, source, refresh: { interval: 500 }, usage, onError });
print({ epoch: verifier.epoch });
process.stdin.on("end", async () => {
  await usage.close();
  verifier.close();
  process.exit();
}).resume();
