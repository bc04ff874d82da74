// A Worker in front of a realm that is large against its memory.
import * as edgelatch from "edgelatch";

const handler = edgelatch.protect((_request, verdict) => new Response(verdict.org), {
  verifier: ({ REALM: { root, url, now } }) =>
    edgelatch.createVerifier({ root, source: url, lazy: { bytes: 8 << 20, fetchesPerSecond: 10_000 }, now: () => now, refresh: { interval: 50 }, onError: console.error }),
});

// What V8 has not collected yet is the runtime's choice: it is asked to before memory is read.
export default { fetch: (request, env, context) => (request.url.endsWith("/collect") ? new Response(String(gc())) : handler(request, env, context)) };
