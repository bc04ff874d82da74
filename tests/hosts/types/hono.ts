// Hono with the check as middleware, its bindings and its own answers.
import { Hono, type Context } from "hono";
import { createVerifier, type Verifier } from "edgelatch";
import { check } from "edgelatch/hono";

type Env = { Bindings: { ROOT: string; SOURCE: string } };
declare const verifier: Verifier;
const app = new Hono<Env>();
app.use(check({ verifier, requirement: { permission: "zone.view" } }));
app.use(
  "/zones/*",
  check<Context<Env>>({
    verifier: (c) => createVerifier({ root: c.env.ROOT, source: c.env.SOURCE }),
    requirement: (_info, c) => ({ permission: c.req.header("x-need") ?? "zone.view" }),
    refuse: (verdict, c) => c.json({ code: verdict.code }, 404),
    context: () => ({ peer: undefined }),
  }),
);
app.get("/", (c) => c.text(`hello ${c.get("edgelatch").keyId} ${c.var.edgelatch.code}`));
// @ts-expect-error a misspelt option
check({ verifier, optionel: true });
