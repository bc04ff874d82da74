// What is tested where.
const FETCH_UPGRADES = "upgrades are requests like others here: the check stands before the route that takes the socket";

/** In Rust: what is no request does not compile. */
const TYPED = "no object can be taken for a request: it would not compile";
const FASTLY = {
  "errors of options": "an option that is a function has no error to throw there",
  reports: "requests are not reported from there",
  "wrong objects": TYPED,
  upgrades: "the connection of a WebSocket is handed to a backend; the check stands before the program does that",
};

/**
 * The hosts: the framework's `package` (or `crate`), the `runtime`, or the `program` that serves, `object`, where the request lies in what handlers get, and what
 * a host cannot do, with the reason. `joined`: it joins header lines of one name, and an empty one leaves no trace. `zero`: it says a length of 0 for
 * whatever has no body, to HEAD too. `caching`: what it tells caches by itself. `caught`: the status that is reported of an error which the host catches only
 * behind the check. `early`: its verifier is there before it listens. `needs`: what must be installed beside Node.
 */
export const HOSTS = {
  "node http": {},
  connect: { package: "connect" },
  express4: { package: "express4" },
  express5: { package: "express" },
  fastify4: { package: "fastify4", object: ".raw" },
  fastify5: { package: "fastify", object: ".raw" },
  koa2: { package: "koa2", object: ".req" },
  koa3: { package: "koa", object: ".req" },
  "hono node": { package: "hono", object: ".req.raw" },
  "hono deno": { package: "hono", runtime: "deno", object: ".req.raw", joined: true, zero: true, cannot: { upgrades: FETCH_UPGRADES } },
  "hono bun": { package: "hono", runtime: "bun", object: ".req.raw", joined: true, zero: true, cannot: { upgrades: FETCH_UPGRADES } },
  "h3 1 node": { package: "h3v1", object: ".req" },
  "h3 2 node": { package: "h3", object: ".req" },
  "h3 2 deno": { package: "h3", runtime: "deno", object: ".req", caught: 500, joined: true, zero: true, cannot: { upgrades: FETCH_UPGRADES } },
  "h3 2 bun": { package: "h3", runtime: "bun", object: ".req", caught: 500, joined: true, zero: true, cannot: { upgrades: FETCH_UPGRADES } },
  "elysia bun": { package: "elysia", runtime: "bun", object: ".request", joined: true, zero: true, cannot: { upgrades: FETCH_UPGRADES } },
  "elysia early": { package: "elysia", runtime: "bun", object: ".request", joined: true, zero: true, cannot: { upgrades: FETCH_UPGRADES } },
  hapi: { package: "@hapi/hapi", object: ".raw.req", caching: "no-cache", zero: true },
  "nest express": { package: "@nestjs/core" },
  "nest fastify": { package: "@nestjs/core", object: ".raw", zero: true },
  "tower (axum)": { crate: "axum", program: "target/debug/examples/routes", early: true, cannot: { "wrong objects": TYPED, upgrades: FETCH_UPGRADES } },
  "fastly (viceroy)": { crate: "fastly", needs: "viceroy", cannot: FASTLY },
};
