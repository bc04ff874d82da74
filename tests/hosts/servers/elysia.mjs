// `edgelatch/elysia` on Bun.
import { check, verdict as added } from "edgelatch/elysia";
import { Elysia } from "elysia";
import { HANDLED, handled, ROUTES, SUB, takeEvents } from "../kit.mjs";

const host = {
  respond: (_given, status, text) => new Response(text, { status }),
  header: ([{ request }], name) => request.headers.get(name),
};

async function* pieces(texts) {
  yield* texts;
}

/** @param early whether the check stands in front of the reading of bodies too */
function app(early) {
  const made = new Elysia().onError(({ error }) => new Response(handled(error), { status: HANDLED }));
  // A hook of the application's own, which comes before those of a route and answers in their place.
  if (early) made.mapResponse(({ responseValue: value }) => (typeof value === "string" ? new Response(value) : undefined));
  made.get("/events", () => takeEvents());
  const handler = ({ handle }) => async (context) => {
    const { request, headers } = context;
    const names = [...request.headers.keys(), ...Object.keys(headers)];
    const given = await handle({ verdict: context.edgelatch, names, body: () => request.text(), object: context });
    return Array.isArray(given) ? pieces(given) : given;
  };
  for (const route of ROUTES) {
    const hooks = check(route.options(host));
    made.route(route.method ?? "GET", route.path, handler(route), { ...hooks, parse: "none" });
    if (early) made.onRequest(async (context) => (new URL(context.request.url).pathname === route.path ? hooks.beforeHandle(context) : undefined));
  }
  made.group("/sub", (sub) => sub.guard(check(SUB.options(host))).resolve(added).get("/inner/:name", handler(SUB)).get("/strong", handler(SUB)).get("/other", handler(SUB)));
  return made;
}

function listen(made) {
  return made.listen({ port: 0, hostname: "127.0.0.1" }).server.port;
}

export const onBun = () => listen(app(false));
export const early = () => listen(app(true));
