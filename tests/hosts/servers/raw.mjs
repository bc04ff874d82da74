// Each framework with one check in front of one handler for everything: `(options, answer) => port`, where `answer(method, names of headers)` says what is answered.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** Listens on any port of the loopback address. */
async function listen(handler) {
  const { createServer } = await import("node:http");
  const { once } = await import("node:events");
  const server = createServer(handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  return server.address().port;
}

/** The names that a Node request has its headers by, as whatever reads them. */
const namesOf = ({ headers, headersDistinct, rawHeaders }) => [...Object.keys(headers), ...Object.keys(headersDistinct), ...rawHeaders.filter((_, i) => i % 2 === 0)];

function reply(response, { status, headers, body }) {
  response.writeHead(status, headers).end(body);
}

async function connect(options, answer) {
  const { middleware } = await import("edgelatch/node");
  const app = require("connect")().use(middleware(options));
  return listen(app.use((request, response) => reply(response, answer(request.method, namesOf(request)))));
}

const express = (name) => async (options, answer) => {
  const { middleware } = await import("edgelatch/node");
  const app = require(name)().use(middleware(options));
  return listen(app.use((request, response) => reply(response, answer(request.method, namesOf(request)))));
};

const fastify = (name) => async (options, answer) => {
  const { check } = await import("edgelatch/fastify");
  const app = require(name).fastify();
  app.addHook("onRequest", check(options));
  const handler = async (request, answering) => {
    const { status, headers, body } = answer(request.method, namesOf(request.raw));
    return answering.code(status).headers(headers).send(body ?? "");
  };
  for (const url of ["/", "/*"]) app.route({ method: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"], url, handler });
  await app.listen({ port: 0, host: "127.0.0.1" });
  return app.server.address().port;
};

const koa = (name) => async (options, answer) => {
  const { check } = await import("edgelatch/koa");
  const app = new (require(name))();
  app.use(check(options)).use((ctx) => {
    const { status, headers, body } = answer(ctx.method, namesOf(ctx.req));
    ctx.body = body;
    ctx.status = status;
    ctx.set(headers);
  });
  return listen(app.callback());
};

async function hono({ check }, options, answer) {
  const { Hono } = await import("hono");
  return new Hono().use(check(options)).all("*", (c) => {
    const { status, headers, body } = answer(c.req.method, [...c.req.raw.headers.keys(), ...Object.keys(c.req.header()), ...(c.env?.incoming?.rawHeaders ?? [])]);
    return c.body(body, status, headers);
  });
}

const honoOn = (serve) => async (options, answer) => serve(await hono(await import("edgelatch/hono"), options, answer));
const deno = ({ fetch }) => Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, fetch).addr.port;
const bun = ({ fetch }) => Bun.serve({ port: 0, hostname: "127.0.0.1", fetch }).port;
async function node({ fetch }) {
  const { getRequestListener } = await import("@hono/node-server");
  return listen(getRequestListener(fetch));
}

async function h3First(options, answer) {
  const { check } = await import("edgelatch/h3");
  const h3 = await import("h3v1");
  const app = h3.createApp().use(h3.eventHandler(check(options)));
  app.use(h3.eventHandler((event) => reply(event.node.res, answer(event.node.req.method, namesOf(event.node.req)))));
  return listen(h3.toNodeListener(app));
}

async function h3(options, answer) {
  const { check } = await import("edgelatch/h3");
  const { H3 } = await import("h3");
  return new H3().use(check(options)).all("/**", (event) => {
    const { status, headers, body } = answer(event.req.method, [...event.req.headers.keys(), ...(event.req.runtime?.node?.req?.rawHeaders ?? [])]);
    return new Response(body, { status, headers });
  });
}

async function h3Node(options, answer) {
  const { toNodeHandler } = await import("h3/node");
  return listen(toNodeHandler(await h3(options, answer)));
}

async function h3Served(options, answer) {
  const { serve } = await import("h3");
  const server = await serve(await h3(options, answer), { port: 0, hostname: "127.0.0.1", silent: true }).ready();
  return Number(new URL(server.url).port);
}

async function elysia(options, answer) {
  const { check } = await import("edgelatch/elysia");
  const { Elysia } = await import("elysia");
  const hooks = check(options);
  const handler = ({ request, headers: read }) => {
    const { status, headers, body } = answer(request.method, [...request.headers.keys(), ...Object.keys(read)]);
    return new Response(body, { status, headers });
  };
  const app = new Elysia().onRequest(hooks.beforeHandle).guard(hooks).all("/", handler).all("/*", handler);
  return app.listen({ port: 0, hostname: "127.0.0.1" }).server.port;
}

async function hapi(options, answer) {
  const { check } = await import("edgelatch/hapi");
  const server = require("@hapi/hapi").server({ port: 0, host: "127.0.0.1" });
  server.ext("onPreAuth", check(options));
  const handler = ({ raw }, h) => {
    const { status, headers, body } = answer(raw.req.method, namesOf(raw.req));
    const response = h.response(body ?? "").code(status);
    for (const [name, value] of Object.entries(headers)) response.header(name, value);
    return response;
  };
  server.route({ method: "*", path: "/{rest*}", handler });
  await server.start();
  return server.info.port;
}

/** Nest with a controller for everything, which its hosts write in their own ways; `guard(app)` puts the check in front. */
async function nest(adapter, everything, guard, send, answer) {
  await import("reflect-metadata");
  const { All, Controller, Module, Req, Res } = require("@nestjs/common");
  class Application {
    all(request, response) {
      const raw = request.raw ?? request;
      return send(response, answer(raw.method, namesOf(raw)));
    }
  }
  All(everything)(Application.prototype, "all", Object.getOwnPropertyDescriptor(Application.prototype, "all"));
  Req()(Application.prototype, "all", 0);
  Res()(Application.prototype, "all", 1);
  Controller()(Application);
  class Root {}
  Module({ controllers: [Application] })(Root);
  const { NestFactory } = require("@nestjs/core");
  const app = await NestFactory.create(Root, ...adapter(), { logger: false, bodyParser: false });
  guard(app);
  await app.listen(0, "127.0.0.1");
  return app.getHttpServer().address().port;
}

async function nestExpress(options, answer) {
  const { middleware } = await import("edgelatch/node");
  return nest(() => [], ["/", "*path"], (app) => app.use(middleware(options)), reply, answer);
}

async function nestFastify(options, answer) {
  const { check } = await import("edgelatch/fastify");
  const { FastifyAdapter } = require("@nestjs/platform-fastify");
  const send = (answering, { status, headers, body }) => answering.code(status).headers(headers).send(body ?? "");
  return nest(() => [new FastifyAdapter()], ["*"], (app) => app.getHttpAdapter().getInstance().addHook("onRequest", check(options)), send, answer);
}

/** By the names that reports give them. */
export const RAW = {
  connect,
  express4: express("express4"),
  express5: express("express"),
  fastify4: fastify("fastify4"),
  fastify5: fastify("fastify"),
  koa2: koa("koa2"),
  koa3: koa("koa"),
  "hono node": honoOn(node),
  "hono deno": honoOn(deno),
  "hono bun": honoOn(bun),
  "h3 1 node": h3First,
  "h3 2 node": h3Node,
  "h3 2 deno": h3Served,
  "h3 2 bun": h3Served,
  "elysia bun": elysia,
  hapi,
  "nest express": nestExpress,
  "nest fastify": nestFastify,
};
