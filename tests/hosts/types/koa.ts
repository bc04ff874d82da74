// Koa with the check as middleware.
import Koa, { type Context } from "koa";
import type { Verifier } from "edgelatch";
import { check } from "edgelatch/koa";

declare const verifier: Verifier;
const app = new Koa();
app.use(check({ verifier, requirement: { permission: "zone.view" } }));
app.use(
  check<Context>({
    verifier: () => verifier,
    requirement: (_info, ctx) => ({ permission: ctx.get("x-need") }),
    refuse: (verdict, ctx) => ctx.throw(404, verdict.code),
    context: (ctx) => ({ peer: ctx.ip }),
  }),
);
app.use((ctx) => {
  ctx.body = `hello ${ctx.state.edgelatch?.keyId} ${ctx.req.edgelatch?.code}`;
});
// @ts-expect-error a misspelt option
check({ verifier, optionel: true });
