// Variables EDGELATCH_ROOT (base64) and EDGELATCH_SOURCE, see wrangler.toml. On Cloudflare the client address is in a header
// that only the platform can set.
import { createVerifier, protect } from "edgelatch";

export default {
  fetch: protect((_request, verdict) => new Response(`hello ${verdict.name}\n`), {
    verifier: (env) => createVerifier({
      root: env.EDGELATCH_ROOT,
      source: env.EDGELATCH_SOURCE,
      clientIp: { platform: "cloudflare" },
      onError: (error) => console.error(error.message),
    }),
    requirement: { permission: "zone.view" },
  }),
};
