// Variables EDGELATCH_ROOT (base64) and EDGELATCH_SOURCE. As middleware of the root, `check` stands in front of every route that has a loader or an action.
import { createVerifier } from "edgelatch";
import { protect } from "edgelatch/fetch";
import { createContext } from "react-router";

export const verdictContext = createContext();

const { EDGELATCH_ROOT: root, EDGELATCH_SOURCE: source } = process.env;
const admit = (_request, verdict, { context }, next) => {
  context.set(verdictContext, verdict);
  return next();
};
const checked = protect(admit, {
  verifier: () => createVerifier({ root, source }),
  requirement: { permission: "zone.view" },
});

export const check = (given, next) => checked(given.request, given, next);
