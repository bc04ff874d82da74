// The programs that are bundled: each verifies a good key and one that nobody issued, and prints both codes.
import { readFileSync } from "node:fs";

export const fixture = JSON.parse(readFileSync(new URL("../../runtimes/fixture.json", import.meta.url), "utf8"));

/** What every program prints. */
export const EXPECTED = "valid unknown";

/** Everything it needs is in it: no bundler is asked for more than the package. */
export const VERIFY = `
const { createVerifier, staticSource } = edgelatch;
const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
export const told = async (more = {}) => {
  const source = staticSource(bytes(${JSON.stringify(fixture.snapshots.first.bundle)}));
  const verifier = await createVerifier({ root: ${JSON.stringify(fixture.roots[0])}, source, refresh: { mode: "manual" }, now: () => ${(fixture.start + 10) * 1000}, ...more });
  await verifier.refresh();
  return ["plain", "stranger"].map((name) => verifier.verifyKey(${JSON.stringify(fixture.keys)}[name]).code).join(" ");
};
`;

const main = (given) => `told(${given}).then(console.log, (error) => console.log(error.message));\n`;

/** An ES module. @param given an expression for further options, @param also what it imports beside */
export const esm = (name = "edgelatch", given = "", also = "") => `import * as edgelatch from "${name}";\n${also}${VERIFY}${main(given)}`;
export const cjs = `const edgelatch = require("edgelatch");\n${VERIFY.replace("export ", "")}${main("")}`;
/** A fetch handler. */
export const worker = `import * as edgelatch from "edgelatch";\n${VERIFY}export default { fetch: async () => new Response(await told()) };\n`;
/** A module of a framework that finds what it exports. */
export const handler = (exported) => `import * as edgelatch from "edgelatch";\n${VERIFY.replace("export ", "")}${exported}`;
/** For an edge runtime, whose programs listen for requests. */
export const listener = `import * as edgelatch from "edgelatch";\n${VERIFY}addEventListener("fetch", (event) => event.respondWith(told().then((text) => new Response(text))));\n`;
/** In TypeScript, with what types must be there. */
export const typed = `import { createVerifier, staticSource, type Verifier } from "edgelatch";
import { middleware } from "edgelatch/node";
import { fileCache } from "edgelatch/file";
import { createVerifier as slim } from "edgelatch/slim";
const edgelatch = { createVerifier, staticSource };
export const used: [typeof middleware, typeof fileCache, typeof slim, Verifier?] = [middleware, fileCache, slim];
${VERIFY.replace("(text)", "(text: string)").replace("(character)", "(character: string)").replaceAll("(name)", "(name: string)").replace("const { createVerifier, staticSource } = edgelatch;", "").replace(/(\{"plain".*?\})\[name\]/, "($1 as Record<string, string>)[name] as string")}told().then(console.log, (error: Error) => console.log(error.message));
`;
/** For Next: what makes a verifier at the first request, for `edgelatch/next`. @param more what is exported, with `verifier` at hand */
export const guarded = (more) => `import { createVerifier, staticSource } from "edgelatch";
import { protect } from "edgelatch/next";
const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
const verifier = async () => {
  const source = staticSource(bytes(${JSON.stringify(fixture.snapshots.first.bundle)}));
  const made = await createVerifier({ root: ${JSON.stringify(fixture.roots[0])}, source, refresh: { mode: "manual" }, now: () => ${(fixture.start + 10) * 1000} });
  await made.refresh();
  return made;
};
const requirement = { permission: "zone.view" };
${more}`;
