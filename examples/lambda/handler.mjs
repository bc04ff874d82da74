// Variables EDGELATCH_ROOT (base64) and EDGELATCH_SOURCE. For an HTTP API, a REST API, a function URL or a load balancer.
import { createVerifier } from "edgelatch";
import { protect } from "edgelatch/lambda";

const { EDGELATCH_ROOT: root, EDGELATCH_SOURCE: source } = process.env;
const verifier = await createVerifier({ root, source, refresh: { mode: "demand" }, onError: (error) => console.error(error.message) });

export const handler = protect(async (_event, verdict) => ({ statusCode: 200, body: `hello ${verdict.name}\n` }), {
  verifier,
  requirement: { permission: "zone.view" },
});
