// What is tested where.
const FETCH_UPGRADES = "upgrades are requests like others here: the check stands before the route that takes the socket";
const FASTLY = {
  "errors of options": "options of a guard in Rust answer or leave it; they have no error to throw",
  reports: "requests are not reported from Fastly",
  "wrong objects": "a type of its own, so no other object can be given",
  upgrades: "Fastly hands the connection of a WebSocket to a backend; the check stands before the program does that",
};

/**
 * The hosts: the runtime, `object`, where the request lies in what handlers get, and what a host cannot do, with the reason. `joined`: it joins header
 * lines of one name, and an empty one leaves no trace. `zero`: it says a length of 0 for whatever has no body, to HEAD too. `caching`: what it
 * tells caches by itself. `program`: what must be installed beside Node. `caught`: the status that is reported of an error which the host catches only behind the check.
 */
export const HOSTS = {
  "node http": {},
  connect: {},
  express4: {},
  express5: {},
  fastify4: { object: ".raw" },
  fastify5: { object: ".raw" },
  koa2: { object: ".req" },
  koa3: { object: ".req" },
  "hono node": { object: ".req.raw" },
  "hono deno": { runtime: "deno", object: ".req.raw", joined: true, zero: true, cannot: { upgrades: FETCH_UPGRADES } },
  "hono bun": { runtime: "bun", object: ".req.raw", joined: true, zero: true, cannot: { upgrades: FETCH_UPGRADES } },
  "h3 1 node": { object: ".req" },
  "h3 2 node": { object: ".req" },
  "h3 2 deno": { runtime: "deno", object: ".req", caught: 500, joined: true, zero: true, cannot: { upgrades: FETCH_UPGRADES } },
  "h3 2 bun": { runtime: "bun", object: ".req", caught: 500, joined: true, zero: true, cannot: { upgrades: FETCH_UPGRADES } },
  "elysia bun": { runtime: "bun", object: ".request", joined: true, zero: true, cannot: { upgrades: FETCH_UPGRADES } },
  "elysia early": { runtime: "bun", object: ".request", joined: true, zero: true, cannot: { upgrades: FETCH_UPGRADES } },
  hapi: { object: ".raw.req", caching: "no-cache", zero: true },
  "nest express": {},
  "nest fastify": { object: ".raw", zero: true },
  fastly: { program: "viceroy", cannot: FASTLY },
};
