// Express 5 with the check in front.
import express, { type NextFunction, type Request, type Response } from "express";
import type { Verifier } from "edgelatch";
import { middleware } from "edgelatch/node";

declare const verifier: Verifier;
const app = express();
app.use(middleware({ verifier, requirement: { permission: "zone.view" }, optional: true }));
app.use(
  middleware<Request, Response>({
    verifier: async (request) => (request.hostname === "" ? Promise.reject(new Error("no host")) : verifier),
    requirement: ({ method }, request) => ({ permission: request.get("x-need") ?? method }),
    refuse: (verdict, _request, response) => response.status(404).json({ code: verdict.code }),
    context: (request) => ({ peer: request.socket.remoteAddress }),
  }),
);
app.get("/", middleware({ verifier }), (request: Request, response: Response, _next: NextFunction) => response.send(request.edgelatch?.keyId));
// @ts-expect-error a misspelt option
middleware({ verifier, optionel: true });
// @ts-expect-error the verifier is needed
middleware({});
// @ts-expect-error a requirement that may be undefined
middleware({ verifier, requirement: undefined as { permission: string } | undefined });
