// Elysia with the check as hooks of all routes and of one, and the verdict in the contexts of handlers.
import { Elysia, type Context } from "elysia";
import type { Verifier } from "edgelatch";
import { check, verdict } from "edgelatch/elysia";

declare const verifier: Verifier;
const early = check({ verifier, requirement: { permission: "zone.view" } });
new Elysia()
  .onRequest(early.beforeHandle)
  .guard(early)
  .resolve(verdict)
  .get("/", ({ edgelatch }) => `hello ${edgelatch.keyId satisfies string | undefined}`)
  .get("/one", ({ edgelatch }) => edgelatch.code, check({ verifier, optional: true }));
check<Context>({
  verifier: () => verifier,
  requirement: (_info, { request }) => ({ permission: request.headers.get("x-need") ?? "zone.view" }),
  refuse: (refused, { path }) => Response.json({ code: refused.code, path }, { status: 404 }),
});
// @ts-expect-error a misspelt option
check({ verifier, optionel: true });
