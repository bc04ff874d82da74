// `node verify.mjs DIR SIZE…`: the time of one verification, ours and plain JavaScript's, in interleaved rounds.
// Prints { "<contender> <size>": median nanoseconds }.
import { createHash, hash, webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { BlockList, isIPv4 } from "node:net";
import { join } from "node:path";
import { createVerifier, staticSource } from "edgelatch";
import { NOW, plainRealm } from "./plain.mjs";

const ROUNDS = 15;
const ASYNC_SAMPLE = 4000;

const [dir, ...sizes] = process.argv.slice(2);
const contenders = [];
for (const size of sizes) {
  const file = (name) => readFileSync(join(dir, size, name));
  const sample = JSON.parse(file("sample.json"));
  const verifier = await createVerifier({ root: file("root.bin"), source: staticSource(file("bundle.bin")), now: () => NOW * 1000, refresh: { mode: "manual" } });
  await verifier.refresh();
  const realm = plainRealm(JSON.parse(file("keys.json")), BlockList);
  const passes = (digest) => (text, ip) => realm(digest(text), ip, isIPv4(ip) ? "ipv4" : "ipv6");
  const add = (name, verify, texts = sample) => contenders.push({ name: `${name} ${size}`, verify, sample: texts, times: [] });
  add("edgelatch", (text, ip) => verifier.verifyKey(text, { ip, permission: "read" }).ok);
  add("createHash", passes((text) => createHash("sha256").update(text).digest("hex")));
  if (hash !== undefined) add("crypto.hash", passes((text) => hash("sha256", text, "hex")));
  const encoder = new TextEncoder();
  const hex = (bytes) => Buffer.from(bytes).toString("hex");
  add("subtle", async (text, ip) => realm(hex(await webcrypto.subtle.digest("SHA-256", encoder.encode(text))), ip, isIPv4(ip) ? "ipv4" : "ipv6"), sample.slice(0, ASYNC_SAMPLE));
}
for (let round = -3; round < ROUNDS; round++) {
  for (const { name, verify, sample, times } of contenders) {
    let accepted = 0;
    const begin = performance.now();
    if (name.startsWith("subtle")) for (const [text, ip] of sample) accepted += Number(await verify(text, ip));
    else for (const [text, ip] of sample) accepted += Number(verify(text, ip));
    const nanoseconds = ((performance.now() - begin) * 1e6) / sample.length;
    if (accepted !== sample.length) throw new Error(`${name}: only ${accepted} of ${sample.length} keys were accepted`);
    if (round >= 0) times.push(nanoseconds); // the first rounds warm up
  }
}
const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];
console.log(JSON.stringify(Object.fromEntries(contenders.map(({ name, times }) => [name, median(times)]))));
process.exit(0);
