// `edgelatch/fastify` on Fastify 4 and 5.
import { Readable } from "node:stream";
import { check } from "edgelatch/fastify";
import { HANDLED, handled, ROUTES, SUB, takeEvents } from "../kit.mjs";
import { facts, require, sockets } from "./shared.mjs";

const host = {
  respond: ([, answer], status, text) => answer.code(status).send(text),
  header: ([request], name) => request.headers[name],
};

export async function serve(name) {
  const app = require(name).fastify();
  app.setErrorHandler((error, _request, answer) => answer.code(HANDLED).send(handled(error)));
  app.addContentTypeParser("*", (_request, _payload, done) => done(null));
  app.get("/events", async () => takeEvents());
  // One that takes its time with what is sent, as plugins do: the handler must not be reached meanwhile.
  app.addHook("onSend", async () => new Promise((done) => setTimeout(done, 1)));
  const handler = ({ handle }) => async (request, answer) => {
    const given = await handle({ ...facts(request.raw, request), verdict: request.edgelatch });
    return answer.type("text/plain").send(Array.isArray(given) ? Readable.from(given) : given);
  };
  for (const route of ROUTES) app.route({ method: route.method ?? ["GET", "HEAD"], url: route.path, onRequest: check(route.options(host)), handler: handler(route) });
  await app.register(
    async (sub) => {
      sub.addHook("onRequest", check(SUB.options(host)));
      sub.get("/inner/:name", handler(SUB));
      for (const path of ["/strong", "/other"]) sub.get(path, handler(SUB));
    },
    { prefix: "/sub" },
  );
  sockets(app.server);
  await app.listen({ port: 0, host: "127.0.0.1" });
  return app.server.address().port;
}
