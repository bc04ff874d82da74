// Variables EDGELATCH_ROOT (base64) and EDGELATCH_SOURCE.
import { createVerifier } from "edgelatch";
import { protect } from "edgelatch/next";

const { EDGELATCH_ROOT: root = "", EDGELATCH_SOURCE: source = "" } = process.env;

export const GET = protect((_request, verdict) => new Response(`hello ${verdict.name}\n`), {
  verifier: () => createVerifier({ root, source, onError: (error) => console.error(error.message) }),
  requirement: { permission: "zone.view" },
});
