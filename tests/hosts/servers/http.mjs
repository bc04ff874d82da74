// `edgelatch/node` on Node itself, Connect and Express.
import { createServer } from "node:http";
import { middleware } from "edgelatch/node";
import { HANDLED, handled, ROUTES, SUB } from "../kit.mjs";
import { asked, facts, listen, reply, require } from "./shared.mjs";

const host = {
  respond: ([, response], status, text) => response.writeHead(status).end(text),
  header: ([request], name) => request.headers[name],
};
const fail = (response, error) => response.writeHead(HANDLED).end(handled(error));

export function plain() {
  const checks = new Map(ROUTES.map((route) => [route.path, { ...route, check: middleware(route.options(host)) }]));
  const sub = middleware(SUB.options(host));
  return listen(
    createServer(async (request, response) => {
      if (asked(request, response)) return;
      const { pathname } = new URL(request.url, "http://h");
      const { check, handle } = pathname.startsWith("/sub/") ? { check: sub, handle: SUB.handle } : (checks.get(pathname) ?? {});
      if (check === undefined) return response.writeHead(404).end();
      try {
        let passed = false;
        await check(request, response, () => (passed = true));
        if (passed) reply(response, await handle(facts(request)));
      } catch (error) {
        fail(response, error);
      }
    }),
  );
}

/** A handler whose errors go to `next`, as frameworks with promises want them. */
const handler = ({ handle }) => async (request, response, next) => {
  try {
    reply(response, await handle(facts(request)));
  } catch (error) {
    next(error);
  }
};

export function connect() {
  const app = require("connect")();
  app.use((request, response, next) => asked(request, response) || next());
  for (const route of ROUTES) app.use(route.path, middleware(route.options(host))).use(route.path, handler(route));
  const inner = require("connect")().use("/inner", handler(SUB));
  app.use("/sub", middleware(SUB.options(host))).use("/sub", inner);
  app.use((error, _request, response, _next) => fail(response, error));
  return listen(createServer(app));
}

export function express(name) {
  const framework = require(name);
  const app = framework();
  app.use((request, response, next) => asked(request, response) || next());
  for (const route of ROUTES) app[(route.method ?? "GET").toLowerCase()](route.path, middleware(route.options(host)), handler(route));
  const inner = framework.Router().get("/inner/:name", handler(SUB)).get("/strong", handler(SUB));
  app.use("/sub", middleware(SUB.options(host)), inner);
  app.use((error, _request, response, _next) => fail(response, error));
  return listen(createServer(app));
}
