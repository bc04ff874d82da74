// Nest, with `edgelatch/node` on Express and `edgelatch/fastify` on Fastify. Its decorators are called as functions.
import "reflect-metadata";
import { Readable } from "node:stream";
import { check } from "edgelatch/fastify";
import { middleware } from "edgelatch/node";
import { HANDLED, handled, ROUTES, SUB, takeEvents } from "../kit.mjs";
import { facts, require, sockets } from "./shared.mjs";

const { Catch, Controller, Get, Module, Post, Req, StreamableFile } = require("@nestjs/common");
const { NestFactory } = require("@nestjs/core");

/** A controller with a method for each route. */
function module() {
  class Application {}
  const add = (path, { method = "GET", handle }, name) => {
    Application.prototype[name] = async function (request) {
      const raw = request.raw ?? request;
      const given = await handle({ ...facts(raw, request), verdict: request.edgelatch });
      return Array.isArray(given) ? new StreamableFile(Readable.from(given.map((text) => Buffer.from(text)))) : given;
    };
    (method === "POST" ? Post : Get)(path)(Application.prototype, name, Object.getOwnPropertyDescriptor(Application.prototype, name));
    Req()(Application.prototype, name, 0);
  };
  ROUTES.forEach((route, i) => add(route.path, route, `route${i}`));
  ["/sub/inner/:name", "/sub/strong", "/sub/other"].forEach((path, i) => add(path, SUB, `sub${i}`));
  add("/events", { handle: () => takeEvents() }, "events");
  Controller()(Application);
  class Root {}
  Module({ controllers: [Application] })(Root);
  return Root;
}

async function started(app) {
  await app.listen(0, "127.0.0.1");
  sockets(app.getHttpServer());
  return app.getHttpServer().address().port;
}

class Answers {
  catch(error, host) {
    const response = host.switchToHttp().getResponse();
    const status = error.getStatus?.() ?? HANDLED;
    if (response.raw !== undefined) response.code(status).send(handled(error));
    else response.status(status).send(handled(error));
  }
}
Catch()(Answers);

export async function onExpress() {
  const host = { respond: ([, response], status, text) => response.status(status).send(text), header: ([request], name) => request.get(name) };
  const app = await NestFactory.create(module(), { logger: false, bodyParser: false });
  for (const route of ROUTES) app.use(route.path, middleware(route.options(host)));
  app.use("/sub", middleware(SUB.options(host)));
  // What middleware throws goes to the error handling of Express, which stands behind Nest's own filters.
  app.useGlobalFilters(new Answers());
  await app.init();
  app.use((error, _request, response, _next) => response.status(HANDLED).send(handled(error)));
  return started(app);
}

export async function onFastify() {
  const { FastifyAdapter } = require("@nestjs/platform-fastify");
  const host = { respond: ([, reply], status, text) => reply.code(status).send(text), header: ([request], name) => request.headers[name] };
  const app = await NestFactory.create(module(), new FastifyAdapter(), { logger: false, bodyParser: false });
  const fastify = app.getHttpAdapter().getInstance();
  fastify.setErrorHandler((error, _request, reply) => reply.code(HANDLED).send(handled(error)));
  fastify.addContentTypeParser("*", (_request, _payload, done) => done(null));
  const checks = new Map(ROUTES.map((route) => [route.path, check(route.options(host))]));
  const sub = check(SUB.options(host));
  fastify.addHook("onRequest", (request, reply, done) => {
    const found = request.url.startsWith("/sub/") ? sub : checks.get(request.routeOptions.url);
    return found === undefined ? done() : found(request, reply, done);
  });
  app.useGlobalFilters(new Answers());
  return started(app);
}
