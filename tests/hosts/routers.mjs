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

const LITERALS = ["admin", "keys", "a", "b.c", "~x", "s1"];
const METHODS = ["GET", "POST"];
const MOST = 10;
/** Some entries require the same. */
const PERMISSIONS = Array.from({ length: 6 }, (_, at) => `p.${at}`);
const needed = (at) => PERMISSIONS[at % PERMISSIONS.length];
/** A key that holds what every entry requires, and for each permission one that lacks just that. Verifiers keep tables for ever, so each round has its own. */
const latchOf = () =>
  fakeVerifier({
    all: { roles: { all: PERMISSIONS } },
    ...Object.fromEntries(PERMISSIONS.map((lack) => [`lacks ${lack}`, { roles: { [`lacks ${lack}`]: PERMISSIONS.filter((one) => one !== lack) } }])),
  });

const swapped = (text) => [...text].map((letter) => (letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase())).join("");

/**
 * A table: patterns with methods, the most specific first, as people write them for routers that take the first one that fits. A `/*` may stand
 * without the path before it. Names that differ by letter case alone are for routers that tell it apart.
 */
function patterns(tellsCase) {
  const spelt = LITERALS.map((name) => (random(3) === 0 ? swapped(name) : name));
  const literals = tellsCase ? [...LITERALS, ...LITERALS.map(swapped)] : spelt;
  const segment = () => (random(4) === 0 ? ":id" : pick(literals));
  const made = new Map();
  while (made.size < MOST) {
    let segments = Array.from({ length: random(8) === 0 ? 0 : random(3) + 1 }, segment);
    // Often something above, below or beside what is there.
    if (made.size > 0 && random(2) === 0) segments = pick([...made.values()]).segments.slice(0, 2 + random(2)).map((one) => (random(3) === 0 ? segment() : one));
    segments = segments.filter((one) => one !== "*");
    if (random(3) === 0) segments.push("*");
    const methods = random(4) === 0 ? [pick(METHODS)] : METHODS;
    const path = `/${segments.join("/")}`;
    made.set(methods.length === 1 ? `${methods[0]} ${path}` : path, { segments, methods });
  }
  const rank = (segment) => (segment === undefined ? "1" : segment === "*" ? "3" : segment.startsWith(":") ? "2" : `0${segment}`);
  const order = ({ segments: a }, { segments: b }) => {
    for (let at = 0; at <= Math.max(a.length, b.length); at++) {
      const [x, y] = [rank(a[at]), rank(b[at])];
      if (x !== y) return x < y ? -1 : 1;
    }
    return 0;
  };
  return [...made].map(([entry, pattern]) => ({ entry, ...pattern })).toSorted((a, b) => order(a, b) || a.methods.length - b.methods.length);
}

/** A pattern as a router writes it. */
const write = (segments, name, rest) => segments.map((segment, place) => (segment === "*" ? rest : segment === ":id" ? `/${name.replace("id", `id${place}`)}` : `/${segment}`)).join("");
/** What a router is told, in its order: method, path, place of the entry. Each method of a path once, the entry with methods first. */
function told(table, name, rest) {
  const made = new Map();
  table.forEach(({ segments, methods }, at) => {
    const path = write(segments, name, rest) || "/";
    for (const method of methods) {
      if (!made.has(`${method} ${path}`)) made.set(`${method} ${path}`, [method, path, at]);
    }
  });
  return [...made.values()];
}
const answer = (response, at) => response.writeHead(200, { "x-entry": at, "content-length": 0 }).end();
const listen = async (server) => {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { port: server.address().port, close: () => (server.closeAllConnections(), server.close()) };
};

/** Each router behind `edgelatch/node` or its own adapter; `turned` if letter case and a final `/` are not to count as they do by default. */
const ROUTERS = {
  async "express 4"(table, options, turned) {
    return express(require("express4")(), told(table, ":id", "/*"), options, turned);
  },
  async "express 5"(table, options, turned) {
    return express(require("express")(), told(table, ":id", "/*rest"), options, turned);
  },
  async fastify(table, options, turned) {
    const app = require("fastify").fastify({ routerOptions: turned ? { caseSensitive: false, ignoreTrailingSlash: true } : {} });
    app.addHook("onRequest", (await import("edgelatch/fastify")).check(options));
    for (const [method, url, at] of told(table, ":id", "/*")) app.route({ method, url, handler: (_request, reply) => reply.header("x-entry", at).send("") });
    await app.listen({ port: 0, host: "127.0.0.1" });
    return { port: app.server.address().port, close: () => app.close() };
  },
  async hono(table, options, turned) {
    const { Hono } = await import("hono");
    const { createAdaptorServer } = await import("@hono/node-server");
    const app = new Hono({ strict: !turned }).use((await import("edgelatch/hono")).check(options));
    for (const [method, path, at] of told(table, ":id", "/*")) app.on(method, path, (c) => c.body("", 200, { "x-entry": String(at) }));
    return listen(createAdaptorServer({ fetch: app.fetch }));
  },
  async "h3 1"(table, options) {
    const h3 = await import("h3v1");
    const router = h3.createRouter();
    for (const [method, path, at] of told(table, ":id", "/**")) {
      router.add(path, h3.eventHandler((event) => (h3.setResponseHeader(event, "x-entry", at), "")), method.toLowerCase());
    }
    const app = h3.createApp();
    app.use(h3.eventHandler((await import("edgelatch/h3")).check(options)));
    return listen(createServer(h3.toNodeListener(app.use(router))));
  },
  async "h3 2"(table, options) {
    const { H3 } = await import("h3");
    const { toNodeHandler } = await import("h3/node");
    const app = new H3().use((await import("edgelatch/h3")).check(options));
    for (const [method, path, at] of told(table, ":id", "/**")) app.on(method, path, () => new Response("", { headers: { "x-entry": String(at) } }));
    return listen(createServer(toNodeHandler(app)));
  },
  async hapi(table, options, turned) {
    const server = require("@hapi/hapi").server({ port: 0, host: "127.0.0.1", router: { isCaseSensitive: !turned, stripTrailingSlash: turned } });
    server.ext("onPreAuth", (await import("edgelatch/hapi")).check(options));
    // One path has one handler there, so a `/*` is left out below which there is another.
    for (const [method, path, at] of told(table, "{id}", "/{rest*}")) {
      try {
        server.route({ method, path, handler: (_request, h) => h.response("-").header("x-entry", String(at)) });
      } catch (error) {
        if (!/conflicts with existing/.test(error.message)) throw error;
      }
    }
    await server.start();
    return { port: server.info.port, close: () => server.stop() };
  },
};
function express(app, entries, options, turned) {
  for (const option of ["case sensitive routing", "strict routing"]) app.set(option, turned);
  app.use(check(options));
  for (const [method, path, at] of entries) app[method.toLowerCase()](path, (_request, response) => answer(response, at));
  return listen(createServer(app));
}
/** Which routers they are, but for h3, which ignores a final slash and tells letter case apart. */
const KINDS = { "express 4": "lenient", "express 5": "lenient", fastify: "strict", hono: "strict", hapi: "strict" };

const SPELLINGS = ["/", "//", "/./", "/../", "/%2e/", "/%2e%2e/", "%2F", "%5c", "\\", ";", ";x=1", "%3b", "?", "?a=/admin", "%3F", "%23", "%00", "%0d%0a", "%25", "%2561", "%c3%a4", "%ff", "+", "%20", ".", "..", "@", ":", ",", "%40", "%3A", "%24", "~", "*"];

const escaped = (letter) => `%${letter.charCodeAt(0).toString(16)}`;
/** What a name is changed into that some router takes for the same, or for another one. */
const NAMES = [swapped, (name) => name.replace(/\w/, escaped), (name) => name.replace(/k/i, "%e2%84%aa").replace(/s/i, "%C5%BF"), () => ":id", () => pick(["x", "..", "a%20b"])];

/** A path near one of the patterns. */
function path(table) {
  const { segments } = pick(table);
  let names = segments.map((segment) => (segment === ":id" || segment === "*" ? pick([...LITERALS, "x", "%61dmin", "a%20b"]) : segment));
  if (random(4) === 0) names = names.slice(0, -1);
  if (random(6) === 0) names.push(pick(LITERALS));
  if (random(3) === 0) names = names.map((name) => (random(2) === 0 ? pick(NAMES)(name) : name));
  let text = `/${names.join("/")}${random(4) === 0 ? "/" : ""}`;
  for (let change = Math.max(0, random(6) - 3); change > 0; change--) {
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
  async ask(method, target, key) {
    for (let turn = 0; turn < 2; turn++) {
      const head = await this.#exchange(`${method} ${target} HTTP/1.1\r\nHost: api.example.com\r\n${method === "POST" ? "Content-Length: 0\r\n" : ""}Authorization: ${this.latch.headers(key).authorization}\r\n\r\n`);
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
        if (request.startsWith("HEAD")) end(head);
        else if (length === null ? body.endsWith("0\r\n\r\n") || /^HTTP\/1.1 (204|304)/.test(head) : body.length >= Number(length[1])) end(head);
      });
      socket.on("error", () => end()).on("close", () => end());
      socket.write(request, "latin1");
    });
  }
  close() {
    this.#socket?.destroy();
  }
}

/** What SPEC section 9 says that no table sees: h3 1 follows a literal and never leaves it again. */
const isSaid = (name, { segments }) => name === "h3 1" && segments.some((segment) => segment === ":id" || segment === "*");

const isLiteral = ({ segments }) => segments.every((segment) => segment !== ":id" && segment !== "*");

/** Whether a key that lacks what an entry requires is let through to it. Of a table with a hole, only that is asked for: it has to be seen. */
async function round(name, until, counts, holed = false) {
  // Each second time nobody says which router it is; then it may be one that is set up in another way.
  const router = random(2) === 0 || KINDS[name] === undefined ? "any" : KINDS[name];
  const turned = router === "any" && random(2) === 0;
  let table = patterns(router === "strict");
  while (!table.some(isLiteral)) table = patterns(router === "strict");
  const hole = holed ? table.findIndex(isLiteral) : undefined;
  const entries = Object.fromEntries(table.map(({ entry }, at) => [entry, at === hole ? {} : { permission: needed(at) }]));
  const requirement = routes({ ...entries, default: pick(["deny", {}, { permission: needed(0) }]) }, { router });
  const latch = await latchOf();
  const { port, close } = await ROUTERS[name](table, { verifier: latch, requirement }, turned);
  const client = new Client(port, latch);
  const faults = [];
  for (let turn = 0; turn < (holed ? 1 : 400) && performance.now() < until; turn++) {
    const target = holed ? `/${table[hole].segments.join("/")}` : path(table);
    const method = holed ? table[hole].methods[0] : random(30) === 0 ? pick(["get", "Post", "gET"]) : pick([...METHODS, "GET", "HEAD"]);
    const reply = await client.ask(method, target, "all");
    counts.asked++;
    if (reply.status !== 200 || reply.entry === undefined) continue;
    counts.reached++;
    const at = Number(reply.entry);
    const again = await client.ask(method, target, `lacks ${needed(at)}`);
    if (again.status !== 200) continue;
    if (isSaid(name, table[at])) counts.said++;
    else faults.push(`${method} ${target} reaches ${table[at].entry} without its permission; router ${router}${turned ? ", set up otherwise" : ""}, table ${table.map(({ entry }, at) => `${entry} ${needed(at)}`).join(", ")}`);
  }
  client.close();
  await close();
  return faults;
}

let [passed, failed] = [0, 0];
const names = Object.keys(ROUTERS);
console.log(`seed ${seed}`);
for (const name of names) {
  const counts = { asked: 0, reached: 0, said: 0 };
  const until = performance.now() + (Number(seconds) * 1000) / names.length;
  const faults = [];
  while (performance.now() < until) faults.push(...(await round(name, until, counts)));
  const seen = await round(name, performance.now() + 10_000, { ...counts }, true);
  if (counts.reached * 10 < counts.asked) faults.push(`only ${counts.reached} of ${counts.asked} requests reach a handler: nothing is shown`);
  if (seen.length === 0) faults.push("a table with a hole was not seen to have one");
  if (faults.length === 0) passed++;
  else failed++;
  console.log(`${faults.length === 0 ? "ok  " : "FAIL"} ${name.padEnd(10)} ${counts.asked} requests, ${counts.reached} reached a handler, ${counts.said} by dead ends of the router`);
  for (const fault of [...new Set(faults)].slice(0, 8)) console.log(`     ${fault}`);
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
