// `node verify.mjs DIR SIZE…`: the time of one verification, ours and plain JavaScript's, in interleaved rounds.
// Keys are drawn as the files of DIR/SIZE say: all equally often (sample), or some far more often than others (zipf).
// Prints { "<contender> <draw> <size>": median nanoseconds }.
import { createHash, hash, webcrypto } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
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
  const draws = ["sample", "zipf"].map((draw) => [draw, JSON.parse(file(`${draw}.json`))]);
  const verifier = await createVerifier({ root: file("root.bin"), source: staticSource(file("bundle.bin")), now: () => NOW * 1000, refresh: { mode: "manual" } });
  await verifier.refresh();
  const add = (name, verify, most) => {
    for (const [draw, sample] of draws) contenders.push({ name: `${name} ${draw} ${size}`, verify, sample: sample.slice(0, most), times: [] });
  };
  add("edgelatch", (text, ip) => verifier.verifyKey(text, { ip, permission: "read" }).ok);
  if (!existsSync(join(dir, size, "keys.json"))) continue; // more keys than such a program can hold
  const realm = plainRealm(JSON.parse(file("keys.json")), BlockList);
  const passes = (digest) => (text, ip) => realm(digest(text), ip, isIPv4(ip) ? "ipv4" : "ipv6");
  add("createHash", passes((text) => createHash("sha256").update(text).digest("hex")));
  if (hash !== undefined) add("crypto.hash", passes((text) => hash("sha256", text, "hex")));
  const encoder = new TextEncoder();
  const hex = (bytes) => Buffer.from(bytes).toString("hex");
  add("subtle", async (text, ip) => realm(hex(await webcrypto.subtle.digest("SHA-256", encoder.encode(text))), ip, isIPv4(ip) ? "ipv4" : "ipv6"), ASYNC_SAMPLE);
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
