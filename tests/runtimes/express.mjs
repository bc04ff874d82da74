// Attacks on a real Express application behind the packed middleware; prints the results as JSON.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request as send } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createVerifier, routes, staticSource } from "edgelatch";
import { middleware } from "edgelatch/node";
import { equal, run } from "./suite.mjs";

const express = createRequire(new URL("../../js/package.json", import.meta.url))("express");
const { keys, roots, snapshots, start } = JSON.parse(readFileSync(new URL("fixture.json", import.meta.url), "utf8"));
const source = staticSource(Buffer.from(snapshots.first.bundle, "base64"));
const verifier = await createVerifier({ root: roots[0], source, now: () => (start + 10) * 1000 });

/** What a key of the role `reader` lacks. */
const STRONG = { permission: "cache.purge" };
const folder = mkdtempSync(join(tmpdir(), "edgelatch-express-"));
for (const [name, text] of [["public", "hello"], ["admin", "secret"]]) {
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, "file.txt"), text);
}

/** Answers to the paths, sent as they stand: `status` of a refusal or the body. */
async function answers(app, paths) {
  const server = createServer(app);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const ask = (path) =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${keys.plain}`, connection: "close" };
      const outgoing = send({ port: server.address().port, path, headers }, (reply) => {
        let body = "";
        reply.on("data", (chunk) => (body += chunk)).on("end", () => resolve(reply.statusCode === 200 ? body : reply.statusCode));
      });
      outgoing.on("error", reject).end();
    });
  try {
    return await Promise.all(paths.map(ask));
  } finally {
    server.close();
  }
}

/** A file server, behind the check or without it. */
function files(requirement) {
  const app = express();
  if (requirement !== undefined) app.use(middleware({ verifier, requirement }));
  return app.use(express.static(folder));
}

/** An application whose routers go by their defaults: letter case and a final slash do not count. */
function application(requirement) {
  const app = express();
  if (requirement !== undefined) app.use(middleware({ verifier, requirement }));
  const inner = express.Router().get("/", (_, response) => response.send("secret")).get("/users/:id", (_, response) => response.send("secret"));
  return app.use("/admin", inner).get("/:name", (request, response) => response.send(`public ${request.params.name}`));
}

const results = await run(Object.entries({
  async "a path that is not what it begins with is not served"() {
    const requirement = ({ path }) => (path.startsWith("/public/") ? {} : STRONG);
    equal(await answers(files(requirement), ["/public/file.txt", "/admin/file.txt"]), ["hello", 403]);
    const attacks = ["/public/..%2fadmin/file.txt", "/public/%2e%2e%2fadmin/file.txt", "/public/%2E%2E/admin/file.txt", "/public/../admin/file.txt"];
    equal(await answers(files(), attacks), attacks.map(() => "secret"));
    equal(await answers(files(requirement), attacks), attacks.map(() => 400));
  },

  async "a path that does not begin with what it is, is not served either"() {
    const requirement = ({ path }) => (path.startsWith("/admin/") ? STRONG : {});
    equal(await answers(files(requirement), ["/public/file.txt", "/admin/file.txt", "/%61dmin/file.txt", "/admin/%66ile.txt"]), ["hello", 403, 403, 403]);
    const attacks = ["/admin%2ffile.txt", "/admin%2Ffile.txt", "//admin/file.txt", "/x/..%2fadmin/file.txt", "/.%2fadmin/file.txt"];
    equal(await answers(files(), attacks), attacks.map(() => "secret"));
    equal(await answers(files(requirement), attacks), attacks.map(() => 400));
  },

  async "one file, one spelling"() {
    const requirement = ({ path }) => (path === "/admin/file.txt" ? STRONG : {});
    const attacks = ["/admin//file.txt", "/admin/./file.txt", "/admin/%2e/file.txt", "/admin%2f%2ffile.txt", "/admin/x/..%2ffile.txt"];
    equal(await answers(files(), attacks), attacks.map(() => "secret"));
    equal(await answers(files(requirement), attacks), attacks.map(() => 400));
  },

  async "letter case: a function that compares paths is led around, a route table is not"() {
    const attacks = ["/ADMIN", "/Admin/", "/admin/USERS/7", "/aDMIN/users/7/"];
    equal(await answers(application(), attacks), attacks.map(() => "secret"));
    const compares = ({ path }) => (path.startsWith("/admin") ? STRONG : {});
    equal(await answers(application(compares), ["/admin", ...attacks]), [403, "secret", "secret", 403, "secret"]);
    const entries = { "/admin": STRONG, "/admin/*": STRONG, "/:name": {}, default: "deny" };
    const table = routes(entries, { router: "lenient" });
    const same = ["/admin", "/admin/", "/admin?x", "/admin/users/%37", "/admin/users/a%40b"];
    equal(await answers(application(table), [...attacks, ...same]), [...attacks, ...same].map(() => 403));
    // Who does not say which router it is has them refused.
    equal(await answers(application(routes(entries)), [...attacks, ...same]), [400, 400, 403, 400, 403, 400, 403, 403, 403]);
    equal(await answers(application(table), ["//admin", "/admin;x", "/admin//users/7", "/x/..%2fadmin", "/admin%2fusers", "/%2561dmin", "/%61dmin"]), Array(7).fill(400));
    equal(await answers(application(table), ["/zones", "/Zones/", "/a/b"]), ["public zones", "public Zones", 403]);
  },

  async "a middleware of its own in each route needs no path"() {
    const app = express();
    const need = (requirement) => middleware({ verifier, requirement });
    app.get("/admin", need(STRONG), (_, response) => response.send("secret"));
    app.get("/zones", need({ permission: "zone.view" }), (_, response) => response.send("zones"));
    equal(await answers(app, ["/admin", "/ADMIN", "/admin/", "/zones", "/ZONES/"]), [403, 403, 403, "zones", "zones"]);
  },

  async "an escaped letter reaches the parameter beside its name: a table refuses it, the route's own check knows which it was"() {
    const build = (own, whole) => {
      const app = express();
      if (whole !== undefined) app.use(middleware({ verifier, requirement: whole }));
      const need = (requirement) => (own ? [middleware({ verifier, requirement })] : []);
      app.get("/status", ...need({}), (_, response) => response.send("up"));
      return app.get("/:name", ...need(STRONG), (request, response) => response.send(`secret of ${request.params.name}`));
    };
    const paths = ["/status", "/other", "/%73tatus"];
    equal(await answers(build(false, routes({ "/status": {}, "/:name": STRONG, default: "deny" })), paths), ["up", 403, 400]);
    equal(await answers(build(true), paths), ["up", 403, 403]);
  },
}));
rmSync(folder, { recursive: true });
verifier.close();
console.log(JSON.stringify(results));
