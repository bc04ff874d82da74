// Contenders on Fastify.
import bearerAuth from "@fastify/bearer-auth";
import { middleware } from "edgelatch/node";
import Fastify from "fastify";
import { BODY, knownOf, REQUIREMENT, verifierOf } from "../realm.mjs";

async function app(check) {
  const fastify = Fastify();
  await check(fastify);
  fastify.get("/zones", async () => BODY);
  await fastify.ready();
  return fastify.server;
}

export default {
  none: () => app(() => {}),
  bearer(dir) {
    const knows = knownOf(dir);
    // Of a list of keys it would compare each with the one presented: a function is how many are looked up.
    return app((fastify) => fastify.register(bearerAuth, { keys: new Set(), auth: (key) => knows(key) }));
  },
  async edgelatch(dir) {
    const guard = middleware({ verifier: await verifierOf(dir), requirement: REQUIREMENT });
    return app((fastify) => fastify.addHook("onRequest", (request, reply, done) => guard(request.raw, reply.raw, done)));
  },
};
