// `edgelatch/hapi` on Hapi.
import { Readable } from "node:stream";
import { check } from "edgelatch/hapi";
import { HANDLED, handled, ROUTES, SUB, takeEvents } from "../kit.mjs";
import { facts, require, sockets } from "./shared.mjs";

const host = {
  respond: ([, h], status, text) => h.response(text).code(status),
  header: ([request], name) => request.headers[name],
};

export async function serve() {
  const server = require("@hapi/hapi").server({ port: 0, host: "127.0.0.1" });
  server.ext("onPreResponse", ({ response }, h) => (response.isBoom && response.output.statusCode === 500 ? h.response(handled(response)).code(HANDLED) : h.continue));
  server.route({ method: "GET", path: "/events", handler: () => takeEvents() });
  const handler = ({ handle }) => async (request, h) => {
    const given = await handle({ ...facts(request.raw.req, request), body: async () => String(request.payload), verdict: request.plugins.edgelatch });
    return Array.isArray(given) ? h.response(Readable.from(given, { objectMode: false })) : given;
  };
  const add = (path, { method = "GET", ...route }) => {
    const payload = method === "POST" ? { payload: { parse: false } } : {};
    server.route({ method, path, options: { ...payload, ext: { onPreAuth: { method: check(route.options(host)) } } }, handler: handler(route) });
  };
  for (const { path, ...route } of ROUTES) add(path, route);
  for (const path of ["/sub/inner/{name}", "/sub/strong", "/sub/other"]) add(path, SUB);
  sockets(server.listener);
  await server.start();
  return server.info.port;
}
