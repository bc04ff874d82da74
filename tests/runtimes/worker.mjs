// The runner inside workerd, where modules cannot be compiled from bytes: answers with the results as JSON.
import * as edgelatch from "edgelatch";
import fixture from "fixture.json";
import trapsOnIdentity from "trapsOnIdentity.wasm";
import trapsOnKey from "trapsOnKey.wasm";
import trapsOnPath from "trapsOnPath.wasm";
import { idleSuite } from "./idle.mjs";
import { redirectSuite } from "./redirects.mjs";
import { requirementSuite } from "./requirements.mjs";
import { routeSuite } from "./routes.mjs";
import { equal, run, suite } from "./suite.mjs";
import { usageSuite } from "./usage.mjs";

/** Reports its requests by the platform's own `waitUntil`, from one isolate across requests. */
const reporting = edgelatch.protect((_request, verdict) => new Response(verdict.keyId), {
  verifier: async ({ INGEST }) => {
    const usage = edgelatch.usageReporter({ url: `${INGEST}/busy.worker`, realm: "acme", key: "elm_sk_worker", maxBatch: 2, maxAge: 200 });
    const source = edgelatch.staticSource(Uint8Array.from(atob(fixture.snapshots.first.bundle), (character) => character.charCodeAt(0)));
    return edgelatch.createVerifier({ root: fixture.roots[0], source, now: () => (fixture.start + 10) * 1000, clientIp: { platform: "cloudflare" }, usage });
  },
});

/** Asks a realm over HTTP on demand. After a request to `/idle/later` two hours have passed, in which a key was revoked. */
let realm = "direct";
const idle = edgelatch.protect(() => new Response("ok"), {
  verifier: ({ ORIGINS }) => {
    const source = () => edgelatch.httpSource(`${ORIGINS.url}/${realm}`);
    const current = { head: (state) => source().head(state), bundle: (state) => source().bundle(state) };
    return edgelatch.createVerifier({ root: fixture.roots[0], source: current, now: () => (fixture.start + fixture.life / 2 + 10) * 1000 });
  },
});

/** Judges by `verify()` alone: nobody hands over a context, and nobody waits for a source that answers after the response. */
let made;
let shown = "direct";
function alone(request, { ORIGINS }) {
  const source = async (object, state) => {
    await new Promise((later) => setTimeout(later, 50));
    return edgelatch.httpSource(`${ORIGINS.url}/${shown}`)[object](state);
  };
  const options = { root: fixture.roots[0], now: () => (fixture.start + fixture.life / 2 + 10) * 1000, refresh: { interval: 50 } };
  made ??= edgelatch.createVerifier({ ...options, source: { head: (state) => source("head", state), bundle: (state) => source("bundle", state) } });
  return made.then((verifier) => new Response(verifier.verify(request).code));
}

/** What only the entry for Workers does. */
const own = {
  async "workers: a refresh begun by a handler without a context is kept alive by the platform, and needs nobody else's"() {
    let found;
    const source = { bundle: () => new Promise((resolve) => (found = resolve)) };
    const handler = edgelatch.protect(() => new Response("ok"), {
      verifier: await edgelatch.createVerifier({ root: fixture.roots[0], source, now: () => (fixture.start + 10) * 1000 }),
    });
    const request = () => new Request("https://h/", { headers: { authorization: `Bearer ${fixture.keys.plain}` } });
    const carried = [];
    const replies = [handler(request(), {}), handler(request(), {}, { waitUntil: (work) => carried.push(work) })];
    await new Promise((turn) => setTimeout(turn, 0));
    equal(carried.length, 0);
    found({ bytes: Uint8Array.from(atob(fixture.snapshots.first.bundle), (character) => character.charCodeAt(0)) });
    equal((await Promise.all(replies)).map(({ status }) => status), [200, 200]);
  },
};

function later() {
  const { now } = Date;
  realm = "later";
  Date.now = () => now() + 7_200_000;
  return new Response(null, { status: 204 });
}

function revoke() {
  shown = "later";
  return new Response(null, { status: 204 });
}

const all = (env) => [
  ...suite({ ...edgelatch, fixture, trapsOnPath, trapsOnKey, trapsOnIdentity }),
  ...requirementSuite({ ...edgelatch, fixture }),
  ...idleSuite({ ...edgelatch, fixture, ingest: env.INGEST }),
  ...routeSuite({ ...edgelatch, fixture, trapsOnPath }),
  ...redirectSuite({ ...edgelatch, fixture, origins: env.ORIGINS }),
  ...Object.entries(own),
  ...usageSuite({ ...edgelatch, fixture, ingest: env.INGEST }),
];

const ROUTES = {
  "/": async (_request, env) => Response.json(await run(all(env))),
  "/zones": reporting,
  "/idle": idle,
  "/idle/later": later,
  "/alone": alone,
  "/alone/revoke": revoke,
  "/alone/load": async () => (await (await made).load(), new Response("loaded")),
};

export default {
  fetch: (request, env, context) => ROUTES[new URL(request.url).pathname](request, env, context),
};
