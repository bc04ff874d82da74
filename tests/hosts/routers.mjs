// Random paths, as raw bytes over real connections, to real routers behind a route table: whoever reaches a handler holds what its entry requires.
// `node routers.mjs [--seconds N] [--seed N]`; the default is ten seconds, shared by all routers.
import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { parseArgs } from "node:util";
import "./beside.mjs";

const require = createRequire(import.meta.url);
const { routes } = await import("edgelatch"); // which lies there by now
const { fakeVerifier } = await import("edgelatch/testing");
const { middleware: check } = await import("edgelatch/node");
const { seconds, seed: given } = parseArgs({ options: { seconds: { type: "string", default: "10" }, seed: { type: "string" } } }).values;
const seed = Number(given ?? Date.now() % 2 ** 31);

/** Mulberry32. */
let state = seed;
function random(below) {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % below;
}
const pick = (list) => list[random(list.length)];

const LITERALS = ["admin", "keys", "a", "b.c", "~x", "v1"];
const MOST = 8;
const ENTRIES = Array.from({ length: MOST }, (_, at) => at);
const everything = ENTRIES.map((at) => `p.${at}`);
/** A key that holds what every entry requires, and for each entry one that lacks just that. Verifiers keep tables for ever, so each round has its own. */
const latchOf = () =>
  fakeVerifier({
    all: { roles: { all: everything } },
    ...Object.fromEntries(ENTRIES.map((lack) => [`lacks${lack}`, { roles: { [`lacks${lack}`]: everything.filter((_, at) => at !== lack) } }])),
  });

/** Patterns, the most specific first, as people write them for routers that take the first one that fits. */
function patterns() {
  const segment = () => (random(4) === 0 ? ":id" : pick(LITERALS));
  const made = new Map();
  while (made.size < MOST) {
    const segments = Array.from({ length: random(3) + 1 }, segment);
    if (random(4) === 0) segments.push("*");
    made.set(`/${segments.join("/")}`, segments);
  }
  const rank = (segment) => (segment === undefined ? "1" : segment === "*" ? "3" : segment.startsWith(":") ? "2" : `0${segment}`);
  const order = (a, b) => {
    for (let at = 0; at <= Math.max(a.length, b.length); at++) {
      const [x, y] = [rank(a[at]), rank(b[at])];
      if (x !== y) return x < y ? -1 : 1;
    }
    return 0;
  };
  return [...made.values()].toSorted(order);
}

/** A pattern as a router writes it. */
const write = (segments, name, rest) => segments.map((segment, place) => (segment === "*" ? rest : segment === ":id" ? `/${name.replace("id", `id${place}`)}` : `/${segment}`)).join("");
/** The paths of a table, each once with its entry; where a router's `/*` does not mean the path before it too, that one beside it. */
function paths(table, name, rest) {
  const made = new Map();
  table.forEach((segments, at) => {
    const all = [...(segments.at(-1) === "*" ? [write(segments.slice(0, -1), name, "")] : []), write(segments, name, rest)];
    for (const path of all) if (!made.has(path)) made.set(path, at);
  });
  return [...made];
}
const answer = (response, at) => response.writeHead(200, { "x-entry": at, "content-length": 0 }).end();
const listen = async (server) => {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { port: server.address().port, close: () => (server.closeAllConnections(), server.close()) };
};

/** Each router behind `edgelatch/node` or its own adapter; whether it takes `/Admin` for `/admin`. */
const ROUTERS = {
  async "express 4"(table, options) {
    const app = require("express4")().use(check(options));
    for (const [path, at] of paths(table, ":id", "/*")) app.all(path, (_request, response) => answer(response, at));
    return listen(createServer(app));
  },
  async "express 5"(table, options) {
    const app = require("express")().use(check(options));
    for (const [path, at] of paths(table, ":id", "/*rest")) app.all(path, (_request, response) => answer(response, at));
    return listen(createServer(app));
  },
  async fastify(table, options) {
    const app = require("fastify").fastify();
    app.addHook("onRequest", (await import("edgelatch/fastify")).check(options));
    for (const [url, at] of paths(table, ":id", "/*")) app.route({ method: "GET", url, handler: (_request, reply) => reply.header("x-entry", at).send("") });
    await app.listen({ port: 0, host: "127.0.0.1" });
    return { port: app.server.address().port, close: () => app.close() };
  },
  async hono(table, options) {
    const { Hono } = await import("hono");
    const { createAdaptorServer } = await import("@hono/node-server");
    const app = new Hono().use((await import("edgelatch/hono")).check(options));
    table.forEach((segments, at) => app.get(write(segments, ":id", "/*"), (c) => c.body("", 200, { "x-entry": String(at) })));
    return listen(createAdaptorServer({ fetch: app.fetch }));
  },
  async "h3 1"(table, options) {
    const h3 = await import("h3v1");
    const router = h3.createRouter();
    for (const [path, at] of paths(table, ":id", "/**")) {
      router.get(path, h3.eventHandler((event) => (h3.setResponseHeader(event, "x-entry", at), "")));
    }
    const app = h3.createApp();
    app.use(h3.eventHandler((await import("edgelatch/h3")).check(options)));
    return listen(createServer(h3.toNodeListener(app.use(router))));
  },
  async "h3 2"(table, options) {
    const { H3 } = await import("h3");
    const { toNodeHandler } = await import("h3/node");
    const app = new H3().use((await import("edgelatch/h3")).check(options));
    for (const [path, at] of paths(table, ":id", "/**")) app.get(path, () => new Response("", { headers: { "x-entry": String(at) } }));
    return listen(createServer(toNodeHandler(app)));
  },
  async hapi(table, options) {
    const server = require("@hapi/hapi").server({ port: 0, host: "127.0.0.1" });
    server.ext("onPreAuth", (await import("edgelatch/hapi")).check(options));
    // One path has one handler there, so a `/*` is left out below which there is another.
    table.forEach((segments, at) => {
      try {
        server.route({ method: "GET", path: write(segments, "{id}", "/{rest*}"), handler: (_request, h) => h.response("-").header("x-entry", String(at)) });
      } catch (error) {
        if (!/conflicts with existing/.test(error.message)) throw error;
      }
    });
    await server.start();
    return { port: server.info.port, close: () => server.stop() };
  },
};
const IGNORES_CASE = ["express 4", "express 5"];

const SPELLINGS = ["/", "//", "/./", "/../", "/%2e/", "/%2e%2e/", "%2F", "%5c", "\\", ";", ";x=1", "%3b", "?", "?a=/admin", "%3F", "%23", "%00", "%0d%0a", "%25", "%2561", "%c3%a4", "%ff", "+", "%20", ".", "..", "@", ":", ",", "%40", "%3A", "%24", "~", "*"];

/** A path near one of the patterns. */
function path(table) {
  const names = pick(table).map((segment) => (segment === ":id" || segment === "*" ? pick([...LITERALS, "x", "%61dmin", "..", "a%20b"]) : segment));
  let text = `/${names.join("/")}`;
  for (let change = random(4); change > 0; change--) {
    const at = random(text.length + 1);
    const [before, here, after] = [text.slice(0, at), text.slice(at, at + 1), text.slice(at + 1)];
    const hex = here.charCodeAt(0).toString(16);
    text = before + pick([here + pick(SPELLINGS), here === "" ? "/" : `%${hex}`, here === "" ? "" : `%${hex.toUpperCase()}`, here === "" ? "" : `%25${hex}`, here.toUpperCase(), "", `${pick(SPELLINGS)}${here}`]) + after;
  }
  return text;
}

/** Asks over one connection, one request after another. A server that ends it is asked again over a new one. */
class Client {
  #socket;
  constructor(port, latch) {
    this.port = port;
    this.latch = latch;
  }
  async ask(target, key) {
    for (let turn = 0; turn < 2; turn++) {
      const head = await this.#exchange(`GET ${target} HTTP/1.1\r\nHost: api.example.com\r\nAuthorization: ${this.latch.headers(key).authorization}\r\n\r\n`);
      if (head !== undefined) return { status: Number(head.slice(9, 12)), entry: /^x-entry: (\d+)/im.exec(head)?.[1] };
    }
    return { status: 0 };
  }
  #exchange(request) {
    if (this.#socket === undefined) this.#socket = connect(this.port, "127.0.0.1").setNoDelay(true).setEncoding("latin1");
    const socket = this.#socket;
    return new Promise((resolve) => {
      let text = "";
      const end = (head) => {
        socket.removeAllListeners();
        if (head === undefined || /^connection: close/im.test(head)) {
          socket.on("error", () => {}).destroy();
          this.#socket = undefined;
        }
        resolve(head);
      };
      socket.on("data", (piece) => {
        text += piece;
        const at = text.indexOf("\r\n\r\n");
        if (at < 0) return;
        const [head, body] = [text.slice(0, at), text.slice(at + 4)];
        const length = /^content-length: (\d+)/im.exec(head);
        if (length === null ? body.endsWith("0\r\n\r\n") || /^HTTP\/1.1 (204|304)/.test(head) : body.length >= Number(length[1])) end(head);
      });
      socket.on("error", () => end()).on("close", () => end());
      socket.write(request, "latin1");
    });
  }
  close() {
    this.#socket?.destroy();
  }
}

/** Routers for which `/a/` is another path than `/a`. */
const TELLS_SLASH = ["fastify", "hono", "h3 2", "hapi"];

/** What SPEC section 9 says that no table sees, or nothing. */
function said(name, target, entry, table) {
  const wide = table[entry].some((segment) => segment === ":id" || segment === "*");
  const [path] = target.split(/[?#]/);
  // Those that compare before they decode: an escaped letter makes another name, which reaches an entry for any.
  if (wide && /%[0-9a-f]{2}/i.test(path)) return "escapes";
  // Also where URL parsers have taken dots away.
  if (wide && TELLS_SLASH.includes(name) && /\/(\.|\.\.|%2e|%2e%2e)?$/i.test(path)) return "final slashes";
  // A literal is followed and never left again.
  if (wide && name === "h3 1") return "dead ends";
}

const isLiteral = (segments) => segments.every((segment) => segment !== ":id" && segment !== "*");

/** Whether a key that lacks what an entry requires is let through to it. Of a table with a hole, only that is asked for: it has to be seen. */
async function round(name, until, counts, holed = false) {
  let table = patterns();
  while (!table.some(isLiteral)) table = patterns();
  const hole = holed ? table.findIndex(isLiteral) : undefined;
  const entries = Object.fromEntries(table.map((segments, at) => [`/${segments.join("/")}`, at === hole ? {} : { permission: `p.${at}` }]));
  const requirement = routes({ ...entries, default: "deny" }, { caseSensitive: !IGNORES_CASE.includes(name) });
  const latch = await latchOf();
  const { port, close } = await ROUTERS[name](table, { verifier: latch, requirement });
  const client = new Client(port, latch);
  const faults = [];
  for (let turn = 0; turn < (holed ? 1 : 400) && performance.now() < until; turn++) {
    const target = holed ? `/${table[hole].join("/")}` : path(table);
    const reply = await client.ask(target, "all");
    counts.asked++;
    if (reply.status !== 200 || reply.entry === undefined) continue;
    counts.reached++;
    const entry = Number(reply.entry);
    const again = await client.ask(target, `lacks${entry}`);
    if (again.status !== 200) continue;
    const why = said(name, target, entry, table);
    if (why !== undefined) counts.said[why] = (counts.said[why] ?? 0) + 1;
    else faults.push(`${target} reaches /${table[entry].join("/")} without its permission; table ${table.map((segments) => `/${segments.join("/")}`).join(" ")}`);
  }
  client.close();
  await close();
  return faults;
}

let [passed, failed] = [0, 0];
const names = Object.keys(ROUTERS);
console.log(`seed ${seed}`);
for (const name of names) {
  const counts = { asked: 0, reached: 0, said: {} };
  const until = performance.now() + (Number(seconds) * 1000) / names.length;
  const faults = [];
  while (performance.now() < until) faults.push(...(await round(name, until, counts)));
  const seen = await round(name, performance.now() + 10_000, { ...counts, said: {} }, true);
  if (counts.reached * 10 < counts.asked) faults.push(`only ${counts.reached} of ${counts.asked} requests reach a handler: nothing is shown`);
  if (seen.length === 0) faults.push("a table with a hole was not seen to have one");
  if (faults.length === 0) passed++;
  else failed++;
  console.log(`${faults.length === 0 ? "ok  " : "FAIL"} ${name.padEnd(10)} ${counts.asked} requests, ${counts.reached} reached a handler, otherwise as SPEC says: ${Object.entries(counts.said).map(([why, count]) => `${count} by ${why}`).join(", ") || "none"}`);
  for (const fault of [...new Set(faults)].slice(0, 8)) console.log(`     ${fault}`);
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
