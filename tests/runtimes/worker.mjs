// The runner inside workerd, where modules cannot be compiled from bytes: answers with the results as JSON.
import * as edgelatch from "edgelatch";
import fixture from "fixture.json";
import trapsOnIdentity from "trapsOnIdentity.wasm";
import trapsOnKey from "trapsOnKey.wasm";
import trapsOnPath from "trapsOnPath.wasm";
import { run, suite } from "./suite.mjs";

export default {
  fetch: async () => Response.json(await run(suite({ ...edgelatch, fixture, trapsOnPath, trapsOnKey, trapsOnIdentity }))),
};
