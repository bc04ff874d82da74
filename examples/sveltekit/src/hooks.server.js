// Variables EDGELATCH_ROOT (base64) and EDGELATCH_SOURCE. What goes through `handle`, pages, endpoints and form actions, is behind the check; static files are not.
import { env } from "$env/dynamic/private";
import { createVerifier } from "edgelatch";
import { protect } from "edgelatch/fetch";

const admit = (request, verdict, event, resolve) => {
  event.request = request;
  event.locals.edgelatch = verdict;
  return resolve(event);
};
const check = protect(admit, {
  verifier: () => createVerifier({ root: env.EDGELATCH_ROOT, source: env.EDGELATCH_SOURCE }),
  requirement: { permission: "zone.view" },
  context: (_request, event) => ({ peer: event.getClientAddress() }),
});

export const handle = ({ event, resolve }) => check(event.request, event, resolve);
