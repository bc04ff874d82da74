// The realm that every contender guards: the same keys as a signed snapshot and as JSON, each with a policy of 50 networks, of which
// the machine's own is one. `cargo xtask bench path` has them made.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { BlockList, isIPv4 } from "node:net";
import { join } from "node:path";
import { createVerifier, staticSource } from "edgelatch";
import { NOW, plainRealm } from "../../js/bench/plain.mjs";

/** What every request needs. */
export const REQUIREMENT = { permission: "read" };
/** The answer of every handler. */
export const BODY = "hello\n";

const shift = Date.now() - NOW * 1000;
/** The clock, as dear as a real one, at the time of the snapshot. */
export const now = () => Date.now() - shift;

const file = (dir, name) => readFileSync(join(dir, name));

/** Keys in the order in which they are presented. */
export const keysOf = (dir) => JSON.parse(file(dir, "sample.json")).map(([text]) => text);
/** Root and bundle. */
export const publishedOf = (dir) => ({ root: file(dir, "root.bin"), bundle: file(dir, "bundle.bin") });

/** A verifier that serves the realm and asks nobody. */
export async function verifierOf(dir, more = {}) {
  const { root, bundle } = publishedOf(dir);
  const verifier = await createVerifier({ root, source: staticSource(bundle), now, refresh: { mode: "manual" }, ...more });
  await verifier.refresh();
  return verifier;
}

const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/** The check that many write by hand: text and address of a key → whether it may. */
export function handwrittenOf(dir) {
  const allows = plainRealm(JSON.parse(file(dir, "keys.json")), BlockList);
  return (text, ip) => allows(sha256(text), ip, isIPv4(ip) ? "ipv4" : "ipv6");
}

/** What is left of that for a library which asks no more than whether there is such a key. */
export function knownOf(dir) {
  const digests = new Set(JSON.parse(file(dir, "keys.json")).keys.map(({ digest }) => digest));
  return (text) => digests.has(sha256(text));
}
