// One listener inside workerd; workerd.mjs starts one service of it for each.
import trapping from "trapping.wasm";
import { createVerifier, protect } from "edgelatch";
import { answer, listenerOptions, load } from "./shared.mjs";

const host = { clientIp: { platform: "cloudflare" }, mode: "demand", trap: async () => trapping };

async function verifier(env) {
  const { listener, clock } = env.LISTENER;
  const objects = { root: new Uint8Array(env.ROOT), bundle: new Uint8Array(env.BUNDLE) };
  return load(createVerifier, await listenerOptions(listener, objects, clock, host), clock.now);
}

const handlers = new Map();

export default {
  fetch(request, env, context) {
    const { listener, clock } = env.LISTENER;
    if (!handlers.has(listener.name)) handlers.set(listener.name, make(listener, clock));
    return handlers.get(listener.name).then((handler) => handler(request, env, context));
  },
};

async function make(listener, clock) {
  const { requirement } = await listenerOptions(listener, {}, clock, host);
  return protect(
    (request) => {
      const { status, headers, body } = answer(request.method, [...request.headers.keys()]);
      return new Response(body, { status, headers });
    },
    { verifier, requirement },
  );
}
