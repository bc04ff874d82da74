// `edgelatch/h3` on h3 1 (Node), and h3 2 (Node, Deno, Bun).
import { createServer } from "node:http";
import { check } from "edgelatch/h3";
import { HANDLED, handled, ROUTES, SUB, takeEvents } from "../kit.mjs";

const host = {
  respond: (_given, status, text) => new Response(text, { status }),
  header: ([event], name) => (event.node?.req.headers[name] ?? event.req?.headers.get(name)),
};

export async function first() {
  const h3 = await import("h3v1");
  const { facts, listen } = await import("./shared.mjs");
  const { Readable } = await import("node:stream");
  const app = h3.createApp({
    onError: (error, event) => {
      h3.setResponseStatus(event, HANDLED);
      return h3.send(event, handled(error.cause ?? error));
    },
  });
  const handler = ({ handle }) => async (event) => {
    const given = await handle({ ...facts(event.node.req, event), verdict: event.context.edgelatch });
    return Array.isArray(given) ? h3.sendStream(event, Readable.from(given)) : given;
  };
  const router = h3.createRouter().get("/events", h3.eventHandler(() => takeEvents()));
  for (const route of ROUTES) {
    const guarded = h3.eventHandler({ onRequest: check(route.options(host)), handler: handler(route) });
    router.add(route.path, guarded, route.method === undefined ? ["get", "head"] : [route.method.toLowerCase()]);
  }
  app.use("/sub", h3.eventHandler(check(SUB.options(host))));
  app.use("/sub/inner", h3.eventHandler(handler(SUB)));
  app.use(router);
  return listen(createServer(h3.toNodeListener(app)));
}

async function app() {
  const { H3 } = await import("h3");
  const made = new H3({ onError: (error) => new Response(handled(error.cause ?? error), { status: HANDLED }) });
  made.get("/events", () => takeEvents());
  const handler = ({ handle }) => async (event) => {
    const incoming = event.req.runtime?.node?.req;
    const names = [...event.req.headers.keys(), ...(incoming?.rawHeaders ?? [])];
    const given = await handle({ verdict: event.context.edgelatch, names, body: () => event.req.text(), object: event });
    return Array.isArray(given) ? ReadableStream.from(given.map((text) => new TextEncoder().encode(text))) : given;
  };
  for (const route of ROUTES) made.on(route.method ?? "GET", route.path, handler(route), { middleware: [check(route.options(host))] });
  const inner = new H3().use(check(SUB.options(host))).get("/inner/:name", handler(SUB)).get("/strong", handler(SUB));
  return made.mount("/sub", inner);
}

export async function onNode() {
  const { toNodeHandler } = await import("h3/node");
  const { listen } = await import("./shared.mjs");
  return listen(createServer(toNodeHandler(await app())));
}

async function served() {
  const { serve } = await import("h3");
  const server = await serve(await app(), { port: 0, hostname: "127.0.0.1", silent: true }).ready();
  return Number(new URL(server.url).port);
}

export { served as onBun, served as onDeno };
