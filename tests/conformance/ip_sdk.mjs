// Answers questions about addresses through the public API of the SDK: `node ip_sdk.mjs QUESTIONS.json` prints a JSON
// array with one verdict code for each. `bad_config: …` is a verifier that could not be created.
import { readFileSync } from "node:fs";
import { createVerifier, staticSource } from "edgelatch";

const { root, bundle, now, questions } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const rootBytes = readFileSync(root);
const bundleBytes = readFileSync(bundle);

const verifiers = new Map();

async function verifierFor(clientIp) {
  const name = JSON.stringify(clientIp ?? null);
  if (!verifiers.has(name)) {
    const options = { root: rootBytes, source: staticSource(bundleBytes), now: () => now * 1000, refresh: { mode: "manual" } };
    verifiers.set(name, createVerifier(clientIp === undefined ? options : { ...options, clientIp }));
  }
  return verifiers.get(name);
}

async function answer({ key, ip, clientIp, peer, proxyLine, headers }) {
  let verifier;
  try {
    verifier = await verifierFor(clientIp);
  } catch (error) {
    return `bad_config: ${error.message}`;
  }
  if (!verifier.ready) await verifier.refresh();
  if (headers === undefined) return verifier.verifyKey(key, { ip: ip ?? undefined }).code;
  const request = { method: "GET", url: "/", rawHeaders: ["Authorization", `Bearer ${key}`, ...headers.flat()] };
  return verifier.verify(request, {}, { peer: peer ?? undefined, proxyLine: proxyLine ?? undefined }).code;
}

const answers = [];
for (const question of questions) answers.push(await answer(question));
for (const verifier of verifiers.values()) await verifier.then((made) => made.close(), () => {});
console.log(JSON.stringify(answers));
