// A Worker that reads its realm out of an R2 bucket, and keeps it in what the path names.
import { cacheApi, createVerifier, kvCache, protect, r2Source } from "edgelatch";

const CACHES = { kv: ({ KV }) => kvCache(KV), web: () => cacheApi(), named: () => cacheApi({ name: "own" }), none: () => undefined };
const errors = [];
const handlers = Object.fromEntries(Object.entries(CACHES).map(([name, cacheOf]) => [
  name,
  protect((_request, verdict) => new Response(verdict.keyId), {
    verifier: (env) => {
      const { root, now } = env.EDGE;
      const onError = (error) => errors.push(`${name}: ${error.message}`);
      return createVerifier({ root, source: r2Source(env.BUCKET, "r/acme"), cache: cacheOf(env), refresh: { interval: 20 }, now: () => now * 1000, onError });
    },
  }),
]));

/** A cache of the user's own, and a handler that hands over no context: what is written behind a response is kept alive by the platform. */
let made;
async function alone(request, { BUCKET, EDGE, KV }) {
  const kv = kvCache(KV);
  const cache = { get: (name) => kv.get(`own-${name}`), put: (name, bytes) => kv.put(`own-${name}`, bytes) };
  made ??= createVerifier({ root: EDGE.root, source: r2Source(BUCKET, "r/acme"), cache, refresh: { interval: 20 }, now: () => EDGE.now * 1000 });
  const verdict = (await made).verify(request);
  return verdict.ok ? new Response(verdict.keyId) : verdict.response();
}

export default {
  async fetch(request, env, context) {
    const name = new URL(request.url).pathname.slice(1);
    if (name === "alone") return alone(request, env);
    return name === "errors" ? Response.json(errors.splice(0)) : handlers[name](request, env, context);
  },
};
