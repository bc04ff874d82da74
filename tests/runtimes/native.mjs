// The runner for runtimes with a file system: prints the results as JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as edgelatch from "edgelatch";
import { fileCache } from "edgelatch/file";
import { attacks } from "./attacks.mjs";
import { idleSuite } from "./idle.mjs";
import { keptSuite } from "./kept.mjs";
import { redirectSuite } from "./redirects.mjs";
import { requirementSuite } from "./requirements.mjs";
import { routeSuite } from "./routes.mjs";
import { run, suite } from "./suite.mjs";
import { trapping } from "./trap.mjs";
import { usageSuite } from "./usage.mjs";

const wasm = readFileSync(createRequire(import.meta.url).resolve("edgelatch/edgelatch.wasm"));
const traps = (name) => WebAssembly.compile(trapping(wasm, [name]));
const fixture = JSON.parse(readFileSync(new URL("fixture.json", import.meta.url), "utf8"));
const modules = { trapsOnPath: await traps("path"), trapsOnKey: await traps("verify_key"), trapsOnIdentity: await traps("identity") };
const results = await run([
  ...suite({ ...edgelatch, fixture, ...modules }),
  ...attacks({ ...edgelatch, fixture, wasm }),
  ...keptSuite({ ...edgelatch, fileCache, fixture }),
  ...requirementSuite({ ...edgelatch, fixture }),
  ...idleSuite({ ...edgelatch, fixture, ingest: process.env.INGEST }),
  ...routeSuite({ ...edgelatch, fixture, ...modules }),
  ...redirectSuite({ ...edgelatch, fixture, origins: JSON.parse(process.env.ORIGINS) }),
  ...usageSuite({ ...edgelatch, fixture, ingest: process.env.INGEST }),
]);
console.log(JSON.stringify(results));
