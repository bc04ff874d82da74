// Hapi with the check as an extension, for all routes and in one.
import { server as create, type Request, type ResponseToolkit } from "@hapi/hapi";
import type { Verifier } from "edgelatch";
import { check } from "edgelatch/hapi";

declare const verifier: Verifier;
const server = create();
server.ext("onPreAuth", check({ verifier, requirement: { permission: "zone.view" } }));
server.route({
  method: "GET",
  path: "/",
  options: {
    ext: {
      onPreAuth: {
        method: check<Request, ResponseToolkit>({
          verifier,
          requirement: (_info, request) => ({ permission: String(request.headers["x-need"]) }),
          refuse: (verdict, _request, h) => h.response({ code: verdict.code }).code(404),
        }),
      },
    },
  },
  handler: (request) => `hello ${request.plugins.edgelatch?.keyId satisfies string | undefined}`,
});
// @ts-expect-error a misspelt option
check({ verifier, optionel: true });
