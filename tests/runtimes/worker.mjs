// The runner inside workerd, where modules cannot be compiled from bytes: answers with the results as JSON.
import * as edgelatch from "edgelatch";
import fixture from "fixture.json";
import trapsOnIdentity from "trapsOnIdentity.wasm";
import trapsOnKey from "trapsOnKey.wasm";
import trapsOnPath from "trapsOnPath.wasm";
import { redirectSuite } from "./redirects.mjs";
import { requirementSuite } from "./requirements.mjs";
import { run, suite } from "./suite.mjs";
import { usageSuite } from "./usage.mjs";

/** Reports its requests by the platform's own `waitUntil`, from one isolate across requests. */
const reporting = edgelatch.protect((_request, verdict) => new Response(verdict.keyId), {
  verifier: async ({ INGEST }) => {
    const usage = edgelatch.usageReporter({ url: `${INGEST}/busy.worker`, realm: "acme", key: "elm_sk_worker", maxBatch: 2, maxAge: 200 });
    const source = edgelatch.staticSource(Uint8Array.from(atob(fixture.snapshots.first.bundle), (character) => character.charCodeAt(0)));
    return edgelatch.createVerifier({ root: fixture.roots[0], source, now: () => (fixture.start + 10) * 1000, clientIp: { platform: "cloudflare" }, usage });
  },
});

const all = (env) => [
  ...suite({ ...edgelatch, fixture, trapsOnPath, trapsOnKey, trapsOnIdentity }),
  ...requirementSuite({ ...edgelatch, fixture }),
  ...redirectSuite({ ...edgelatch, fixture, origins: env.ORIGINS }),
  ...usageSuite({ ...edgelatch, fixture, ingest: env.INGEST }),
];

export default {
  fetch: async (request, env, context) =>
    new URL(request.url).pathname === "/" ? Response.json(await run(all(env))) : reporting(request, env, context),
};
