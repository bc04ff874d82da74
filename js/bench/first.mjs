// `node first.mjs edgelatch|json DIR`: a fresh process's way to its first verdict. Prints milliseconds: with the bytes in
// memory, and with reading them from the file; then bytes of wasm memory and how much a million verifications add to it.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { BlockList } from "node:net";
import { join } from "node:path";
import { NOW, plainRealm } from "./plain.mjs";

const [kind, dir] = process.argv.slice(2);
const file = (name) => readFileSync(join(dir, name));
const [text, ip] = JSON.parse(file("sample.json"))[0];

const instances = [];
const { Instance } = WebAssembly;
WebAssembly.Instance = class extends Instance {
  constructor(...given) {
    super(...given);
    instances.push(this);
  }
};
const memory = () => instances.reduce((sum, { exports }) => sum + (exports.memory?.buffer.byteLength ?? 0), 0);

const begin = performance.now();
if (kind === "json") {
  const bytes = file("keys.json");
  const read = performance.now();
  const realm = plainRealm(JSON.parse(bytes), BlockList);
  if (!realm(createHash("sha256").update(text).digest("hex"), ip, "ipv4")) throw new Error("refused");
  const end = performance.now();
  console.log(JSON.stringify({ memory: end - read, file: end - begin }));
} else {
  const { createVerifier, staticSource } = await import("edgelatch");
  const loaded = performance.now();
  const bundle = file("bundle.bin");
  const read = performance.now();
  const options = { root: file("root.bin"), now: () => NOW * 1000, refresh: { mode: "manual" } };
  const verifier = await createVerifier({ ...options, source: staticSource(bundle) });
  await verifier.refresh();
  if (!verifier.verifyKey(text, { ip, permission: "read" }).ok) throw new Error("refused");
  const end = performance.now();
  const bytes = memory();
  for (let n = 0; n < 1_000_000; n++) verifier.verifyKey(text, { ip, permission: "read" });
  console.log(JSON.stringify({ memory: end - read, file: end - loaded, module: loaded - begin, wasmBytes: bytes, growth: memory() - bytes }));
}
process.exit(0);
