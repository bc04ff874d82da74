import * as workers from "cloudflare:workers";
import type { Host } from "../../runtime.js";
import { waitUntilOf } from "./context.js";

export const workerd: Host = {
  mode: "demand",
  waitUntil: workers.waitUntil, // read off the module: a name that a runtime does not have would keep the whole module from loading
  context: (_request, [, context]) => ({ waitUntil: waitUntilOf(context) }), // handlers get request, `env`, context
};
