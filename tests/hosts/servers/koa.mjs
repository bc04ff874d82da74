// `edgelatch/koa` on Koa 2 and 3.
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { check } from "edgelatch/koa";
import { HANDLED, handled, ROUTES, SUB, takeEvents } from "../kit.mjs";
import { facts, listen, require } from "./shared.mjs";

const host = {
  respond: ([ctx], status, text) => {
    ctx.status = status;
    ctx.body = text;
  },
  header: ([ctx], name) => ctx.get(name),
};

export function serve(name) {
  const Koa = require(name);
  const mount = require("koa-mount");
  const app = new Koa();
  app.use(async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      ctx.status = HANDLED;
      ctx.body = handled(error);
    }
  });
  app.use((ctx, next) => (ctx.path === "/events" ? (ctx.body = takeEvents()) : next()));
  const handler = ({ handle }) => async (ctx) => {
    const given = await handle({ ...facts(ctx.req, ctx), verdict: ctx.state.edgelatch });
    ctx.body = Array.isArray(given) ? Readable.from(given) : given;
  };
  for (const route of ROUTES) {
    const guarded = [check(route.options(host)), handler(route)];
    app.use((ctx, next) => (ctx.path === route.path ? guarded[0](ctx, () => guarded[1](ctx)) : next()));
  }
  const inner = new Koa().use(async (ctx, next) => (ctx.path.startsWith("/inner/") || ctx.path === "/strong" ? handler(SUB)(ctx) : next()));
  app.use(mount("/sub", new Koa().use(check(SUB.options(host))).use(mount("/", inner))));
  return listen(createServer(app.callback()));
}
