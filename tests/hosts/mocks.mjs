// Where something stands in for the requests of Node and of fetch: serverless-http, which brings Lambda's events to Express; node-mocks-http, by which people test;
// Azure's functions, whose requests are like those of fetch; Google's, whose are Express's.
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import "./beside.mjs";

const require = createRequire(import.meta.url);
const { createVerifier, staticSource } = await import("edgelatch"); // which lies there by now
const { protect } = await import("edgelatch/fetch");
const { middleware } = await import("edgelatch/node");
const { createRequest, createResponse } = require("node-mocks-http");
const { keys, roots, snapshots, start } = JSON.parse(readFileSync(new URL("../runtimes/fixture.json", import.meta.url), "utf8"));
const events = [];
const verifier = await createVerifier({
  root: roots[0],
  source: staticSource(Buffer.from(snapshots.first.bundle, "base64")),
  now: () => (start + 10) * 1000,
  usage: { record: ({ status, code, endpoint }) => events.push(`${endpoint} ${status} ${code}`) },
});
const NEED = { permission: "zone.view" };
const { equal, deepEqual } = assert;

const app = require("express")();
app.use(middleware({ verifier, requirement: ({ path }) => (path === "/zones/strong" ? { permission: "cache.purge.everything" } : {}) }));
app.use((request, response) => response.send(`hello ${request.edgelatch.name} ${Object.keys(request.headers).filter((name) => /edgelatch/.test(name))}`));
const handler = require("serverless-http")(app);

/** What becomes of an event of API Gateway with this key. */
async function served(name, key, change = () => {}) {
  const event = JSON.parse(readFileSync(new URL(`events/${name}.json`, import.meta.url), "utf8").replaceAll('"KEY"', JSON.stringify(key)));
  change(event);
  const { statusCode, body } = await handler(event, {});
  return statusCode === 200 ? body.trim() : statusCode;
}

/** What becomes of a mocked request. */
async function mocked(headers, requirement = NEED) {
  const response = createResponse({ eventEmitter: EventEmitter });
  const request = createRequest({ method: "GET", url: "/zones", headers, socket: { remoteAddress: "127.0.0.1" } });
  await middleware({ verifier, requirement })(request, response, () => response.status(200).send(`hello ${request.edgelatch.name}`));
  return response.statusCode === 200 ? response._getData() : response.statusCode;
}

const MOCKS = {
  async "serverless-http: accepts, refuses, forged names"() {
    for (const name of ["http-api", "rest-api"]) {
      deepEqual([name, await served(name, keys.plain), await served(name, keys.stranger), await served(name, "x y"), await served(name, `${keys.plain},${keys.plain}`)], [name, "hello Key “plain”", 401, 400, 400]);
      equal(await served(name, keys.plain, (event) => (event[event.rawPath === undefined ? "path" : "rawPath"] = "/zones/strong")), 403);
    }
  },
  async "serverless-http: the address is the platform's"() {
    equal(await served("http-api", keys.office), "hello Key “office”");
    equal(await served("http-api", keys.office, (event) => (event.requestContext.http.sourceIp = "203.0.113.1")), 403);
  },
  async "serverless-http: requests are reported"() {
    events.length = 0;
    await served("http-api", keys.plain);
    await served("http-api", keys.stranger);
    for (let i = 0; i < 100 && events.length < 2; i++) await new Promise((turn) => setTimeout(turn, 10));
    deepEqual(events, ["/zones/7 200 valid", "/zones/7 401 unknown"]);
  },
  async "Azure: accepts and refuses"() {
    const { HttpRequest, HttpResponse } = require("@azure/functions");
    const handler = protect((request, verdict, context) => new Response(`hello ${verdict.name} ${context.functionName} ${[...request.headers.keys()]}`), { verifier, requirement: NEED });
    /** What the worker makes of what a handler returns. */
    const served = async (headers) => new HttpResponse(await handler(new HttpRequest({ method: "GET", url: "https://api.example.com/zones/7", headers }), { functionName: "zones" }));
    const accepted = await served({ authorization: `Bearer ${keys.plain}`, "x-edgelatch-org": "forged" });
    deepEqual([accepted.status, await accepted.text()], [200, "hello Key “plain” zones authorization"]);
    const refused = await served({ authorization: `Bearer ${keys.stranger}` });
    deepEqual([refused.status, refused.headers.get("cache-control"), (await refused.json()).type.split(":").at(-1)], [401, "no-store", "invalid-token"]);
    equal((await served({ authorization: `Bearer ${keys.plain}`, "x-api-key": keys.plain })).status, 400);
  },
  async "Google: accepts and refuses"() {
    const { http } = require("@google-cloud/functions-framework");
    const check = middleware({ verifier, requirement: NEED });
    http("zones", (request, response) => check(request, response, () => response.send(`hello ${request.edgelatch.name}`)));
    const server = require("@google-cloud/functions-framework/testing").getTestServer("zones").listen(0, "127.0.0.1");
    await once(server, "listening");
    const answers = [];
    for (const headers of [{ authorization: `Bearer ${keys.plain}` }, { authorization: `Bearer ${keys.stranger}` }, {}]) {
      const response = await fetch(`http://127.0.0.1:${server.address().port}/zones`, { headers });
      answers.push(response.ok ? await response.text() : response.status);
    }
    server.closeAllConnections();
    server.close();
    deepEqual(answers, ["hello Key “plain”", 401, 401]);
  },
  async "node-mocks-http: accepts and refuses"() {
    deepEqual([await mocked({ authorization: `Bearer ${keys.plain}` }), await mocked({ authorization: `Bearer ${keys.stranger}` }), await mocked({})], ["hello Key “plain”", 401, 401]);
    equal(await mocked({ authorization: `Bearer ${keys.plain}` }, { permission: "cache.purge.everything" }), 403);
    equal(await mocked({ authorization: `Bearer ${keys.plain}`, "x-api-key": keys.plain }), 400);
  },
};

let [passed, failed] = [0, 0];
for (const [what, test] of Object.entries(MOCKS)) {
  try {
    await test();
    passed++;
  } catch (error) {
    failed++;
    console.log(`mocks: ${what}: ${error.stack}`);
  }
}
verifier.close();
console.log(`mocks: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
