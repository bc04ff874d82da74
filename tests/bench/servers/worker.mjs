// The program of the two contenders in workerd.
import { createVerifier, protect, staticSource } from "edgelatch";

const hello = () => new Response("hello\n");
const guarded = protect(hello, {
  verifier: ({ root, bundle, shift }) =>
    createVerifier({ root: new Uint8Array(root), source: staticSource(new Uint8Array(bundle)), now: () => Date.now() - shift, clientIp: { platform: "cloudflare" } }),
  requirement: { permission: "read" },
});

export default { fetch: (request, env, context) => (env.kind === "none" ? hello() : guarded(request, env, context)) };
