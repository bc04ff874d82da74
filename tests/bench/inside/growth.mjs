// How much memory of the core is left behind by requests with updates between them.
import { createVerifier } from "edgelatch";
import { keyText, publish, root, treeOfKeys } from "../../runtimes/publisher.mjs";

/** Updates between the requests. */
const UPDATES = 100;
/** Updates before, after which as many snapshots are kept for verdicts as ever will be. */
const WARM = 100;
/** Keys, one of which each update revokes, and others that nobody holds. */
const [KEYS, OTHERS] = [256, 20_000];

const instances = [];
const { Instance } = WebAssembly;
WebAssembly.Instance = class extends Instance {
  constructor(...given) {
    super(...given);
    instances.push(this);
  }
};
const memory = () => instances.reduce((sum, { exports }) => sum + (exports.memory?.buffer.byteLength ?? 0), 0);

/** Bytes by which the core's memory has grown over so many requests, a few of them with the key that is revoked at the time. */
export async function growth(requests) {
  instances.length = 0;
  const texts = Array.from({ length: KEYS }, (_, n) => keyText(n));
  const begin = Math.floor(Date.now() / 1000);
  const epoch = (n) => publish({ epoch: n, issuedAt: begin, life: 86_400, tree: treeOfKeys(texts, new Set([texts[n % KEYS]]), OTHERS) });
  let shown = epoch(1);
  const source = { head: async () => ({ bytes: shown.head }), bundle: async () => ({ bytes: shown.bundle }) };
  const verifier = await createVerifier({ root: root({ version: 1 }), source, refresh: { mode: "manual" } });
  let asked = 0;
  const step = async (n, count) => {
    shown = epoch(n);
    await verifier.refresh();
    for (let i = 0; i < count; i++) {
      const verdict = verifier.verifyKey(texts[asked++ % KEYS]);
      if (verdict.ok !== (texts[(asked - 1) % KEYS] !== texts[n % KEYS])) throw new Error(`epoch ${n}: a key was ${verdict.code}`);
    }
  };
  for (let n = 2; n < 2 + WARM; n++) await step(n, KEYS);
  const before = memory();
  if (before === 0) throw new Error("the core's memory was not found");
  for (let n = 0; n < UPDATES; n++) await step(2 + WARM + n, requests / UPDATES);
  return { requests, updates: UPDATES, bytes: memory() - before };
}
