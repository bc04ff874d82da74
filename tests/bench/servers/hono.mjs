// Contenders on Hono, with its adapter for Node.
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { bearerAuth } from "hono/bearer-auth";
import { BODY, knownOf, REQUIREMENT, verifierOf } from "../realm.mjs";

function app(...checks) {
  const hono = new Hono();
  for (const check of checks) hono.use(check);
  hono.get("/zones", (context) => context.text(BODY));
  return createAdaptorServer({ fetch: hono.fetch });
}

export default {
  none: () => app(),
  bearer(dir) {
    const knows = knownOf(dir);
    return app(bearerAuth({ verifyToken: (token) => knows(token) }));
  },
  async edgelatch(dir) {
    const verifier = await verifierOf(dir);
    return app(async (context, next) => {
      // On Node, Hono knows the connection and the request does not.
      const verdict = await verifier.check(context.req.raw, REQUIREMENT, { peer: context.env.incoming.socket.remoteAddress });
      if (!verdict.ok) return verdict.response();
      context.set("edgelatch", verdict);
      await next();
    });
  },
};
