// h3 1 with the check as an event handler, and as a hook of one.
import { createApp, eventHandler, type H3Event } from "h3";
import type { Verifier } from "edgelatch";
import { check } from "edgelatch/h3";

declare const verifier: Verifier;
const app = createApp();
app.use(eventHandler(check({ verifier, requirement: { permission: "zone.view" } })));
app.use(
  eventHandler({
    onRequest: check<H3Event>({ verifier, requirement: (_info, event) => ({ permission: event.path }) }),
    handler: (event) => `hello ${event.context.edgelatch?.keyId}`,
  }),
);
