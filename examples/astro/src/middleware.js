// Variables EDGELATCH_ROOT (base64) and EDGELATCH_SOURCE. What is rendered on demand is behind the check; prerendered pages and static files are not.
import { createVerifier } from "edgelatch";
import { protect } from "edgelatch/fetch";

const { EDGELATCH_ROOT: root, EDGELATCH_SOURCE: source } = process.env;
const admit = (_request, verdict, context, next) => {
  context.locals.edgelatch = verdict;
  return next();
};
const check = protect(admit, {
  verifier: () => createVerifier({ root, source }),
  requirement: { permission: "zone.view" },
  context: (_request, context) => ({ peer: context.clientAddress }),
});

export const onRequest = (context, next) => check(context.request, context, next);
