// h3 2 with the check as middleware.
import { H3, type H3Event } from "h3";
import type { Verifier } from "edgelatch";
import { check } from "edgelatch/h3";

declare const verifier: Verifier;
const app = new H3();
app.use(check({ verifier, requirement: { permission: "zone.view" } }));
app.use(
  check<H3Event>({
    verifier: () => verifier,
    requirement: (_info, event) => ({ permission: event.req.headers.get("x-need") ?? "zone.view" }),
    refuse: (verdict, event) => Response.json({ code: verdict.code, path: event.url.pathname }, { status: 404 }),
  }),
);
app.get("/", (event) => `hello ${event.context.edgelatch?.keyId satisfies string | undefined}`);
// @ts-expect-error a misspelt option
check({ verifier, optionel: true });
