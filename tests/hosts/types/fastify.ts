// Fastify with the check as a hook, for all routes and in one.
import { fastify, type FastifyReply, type FastifyRequest } from "fastify";
import type { Verifier } from "edgelatch";
import { check } from "edgelatch/fastify";

declare const verifier: Verifier;
const app = fastify();
app.addHook("onRequest", check({ verifier, requirement: { permission: "zone.view" } }));
app.get("/zones", { onRequest: check({ verifier, optional: true }) }, async (request) => `hello ${request.edgelatch?.keyId satisfies string | undefined}`);
app.route<{ Params: { id: string } }>({
  method: "GET",
  url: "/zones/:id",
  onRequest: check<FastifyRequest<{ Params: { id: string } }>, FastifyReply>({
    verifier: (request) => (request.server === undefined ? Promise.reject(new Error("none")) : verifier),
    requirement: (_info, request) => ({ permission: request.params.id }),
    refuse: (verdict, _request, reply) => reply.code(404).send({ code: verdict.code }),
    context: (request) => ({ peer: request.ip }),
  }),
  handler: async (request) => request.params.id,
});
// @ts-expect-error a misspelt option
check({ verifier, optionel: true });
