// `edgelatch/hono` on Node, Deno and Bun.
import { check } from "edgelatch/hono";
import { Hono } from "hono";
import { HANDLED, handled, ROUTES, SUB, takeEvents } from "../kit.mjs";

const host = {
  respond: ([c], status, text) => c.text(text, status),
  header: ([c], name) => c.req.header(name),
};

function app() {
  const made = new Hono();
  made.onError((error, c) => c.text(handled(error), HANDLED));
  made.get("/events", (c) => c.text(takeEvents()));
  const handler = ({ handle }) => async (c) => {
    const incoming = c.env?.incoming;
    const names = [...c.req.raw.headers.keys(), ...Object.keys(c.req.header()), ...(incoming === undefined ? [] : incoming.rawHeaders)];
    const given = await handle({ verdict: c.get("edgelatch"), names, body: () => c.req.text(), object: c });
    return Array.isArray(given) ? c.body(pieces(given)) : c.text(given);
  };
  for (const route of ROUTES) made.on(route.method ?? "GET", route.path, check(route.options(host)), handler(route));
  const inner = new Hono().use(check(SUB.options(host))).get("/inner/:name", handler(SUB)).get("/strong", handler(SUB));
  return made.route("/sub", inner);
}

function pieces(texts) {
  const left = texts.map((text) => new TextEncoder().encode(text));
  return new ReadableStream({ pull: (controller) => (left.length > 0 ? controller.enqueue(left.shift()) : controller.close()) });
}

export async function onNode() {
  const { createAdaptorServer } = await import("@hono/node-server");
  const { listen } = await import("./shared.mjs");
  return listen(createAdaptorServer({ fetch: app().fetch }));
}

export function onDeno() {
  return Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, app().fetch).addr.port;
}

export function onBun() {
  return Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: app().fetch }).port;
}
