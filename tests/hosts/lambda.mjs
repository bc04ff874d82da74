// `edgelatch/lambda` over events as AWS documents them, in events/. Their key and address are put in here.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createVerifier, staticSource } from "edgelatch";
import { protect, protectEdge } from "edgelatch/lambda";

const { keys, roots, snapshots, start } = JSON.parse(readFileSync(new URL("../runtimes/fixture.json", import.meta.url), "utf8"));
const { equal, deepEqual } = assert;
const events = [];
const errors = [];
const made = (more = {}) =>
  createVerifier({
    root: roots[0],
    source: staticSource(Buffer.from(snapshots.first.bundle, "base64")),
    now: () => (start + 10) * 1000,
    usage: { record: ({ status, code, endpoint, ip }) => events.push([status, code, endpoint, ip]) },
    onError: (error) => errors.push(error.message),
    ...more,
  });
const verifier = await made();
const NEED = { permission: "zone.view" };

/** An event with a key, and what is changed in it. */
function event(name, key = keys.plain, change = () => {}) {
  const found = JSON.parse(readFileSync(new URL(`events/${name}.json`, import.meta.url), "utf8").replaceAll('"KEY"', JSON.stringify(key)));
  change(found);
  return found;
}
const answer = async (given, options = {}, handler = (_, verdict) => ({ statusCode: 200, body: `hello ${verdict.name}` })) => protect(handler, { verifier, requirement: NEED, ...options })(given, {});
const headers = (result) => Object.fromEntries(Object.entries(result.headers ?? result.multiValueHeaders).map(([name, value]) => [name, [value].flat().join("|")]));
const type = ({ body }) => JSON.parse(body).type.split(":").at(-1);

const HTTP = ["rest-api", "http-api", "function-url", "load-balancer", "load-balancer-multi"];
/** Those whose header lines can be told apart. */
const LINES = { "rest-api": "X-API-Key", "load-balancer-multi": "x-api-key" };
const PRIVATE = { "cache-control": "private", vary: "Authorization, X-API-Key" };

const LAMBDA = {
  async "accepts and refuses"() {
    for (const name of HTTP) {
      const good = await answer(event(name));
      deepEqual([name, good.statusCode, good.body, headers(good)], [name, 200, "hello Key “plain”", PRIVATE]);
      for (const [key, status, kind] of [[keys.stranger, 401, "invalid-token"], [keys.revoked, 401, "invalid-token"], ["x y", 400, "invalid-request"], [`${keys.plain},${keys.plain}`, 400, "invalid-request"]]) {
        const bad = await answer(event(name, key));
        deepEqual([name, bad.statusCode, type(bad), headers(bad)["cache-control"], bad.isBase64Encoded], [name, status, kind, "no-store", false]);
      }
      equal((await answer(event(name), { requirement: { permission: "cache.purge.x" } })).statusCode, 403);
    }
  },

  async "multi-value headers are answered by such"() {
    for (const name of ["rest-api", "load-balancer-multi"]) for (const key of [keys.plain, keys.stranger]) equal((await answer(event(name, key))).headers, undefined);
    for (const name of ["http-api", "function-url", "load-balancer"]) for (const key of [keys.plain, keys.stranger]) equal((await answer(event(name, key))).multiValueHeaders, undefined);
  },

  async "two lines of one credential are refused where the event shows them"() {
    for (const [name, header] of Object.entries(LINES)) equal((await answer(event(name, keys.plain, (given) => given.multiValueHeaders[header].push(keys.plain)))).statusCode, 400);
    for (const name of HTTP) {
      const both = event(name, keys.plain, (given) => {
        if (given.headers) given.headers.authorization = `Bearer ${keys.plain}`;
        if (given.multiValueHeaders) given.multiValueHeaders.authorization = [`Bearer ${keys.plain}`];
      });
      equal((await answer(both)).statusCode, 400);
    }
  },

  async "the address is the platform's, never a header's"() {
    const status = async (given, options) => (await answer(given, { requirement: {}, ...options })).statusCode;
    for (const name of ["rest-api", "http-api", "function-url"]) {
      equal(await status(event(name, keys.office)), 200);
      const elsewhere = event(name, keys.office, ({ requestContext: { identity, http }, headers, multiValueHeaders }) => {
        (identity ?? http).sourceIp = "203.0.113.1";
        for (const place of [headers, multiValueHeaders]) for (const header of Object.keys(place ?? {})) if (/forwarded-for/i.test(header)) place[header] = place === headers ? "198.51.100.9" : ["198.51.100.9"];
      });
      equal(await status(elsewhere), 403);
    }
    const behind = await made({ clientIp: { platform: "aws-alb" } });
    for (const name of ["load-balancer", "load-balancer-multi"]) deepEqual([await status(event(name, keys.office)), await status(event(name, keys.office), { verifier: behind })], [403, 200]);
    behind.close();
  },

  async "forged identities do not reach the handler"() {
    for (const name of HTTP) {
      let seen;
      await answer(event(name), {}, (given) => ((seen = JSON.stringify(given)), { statusCode: 204 }));
      assert.doesNotMatch(seen, /edgelatch/i);
    }
  },

  async "what the handler says of caches stays, and format 2.0 may leave the status out"() {
    const said = () => ({ statusCode: 200, headers: { "Cache-Control": "no-store", Vary: "Origin" }, body: "" });
    deepEqual(headers(await answer(event("http-api"), {}, said)), { "cache-control": "no-store", vary: "Origin, Authorization, X-API-Key" });
    deepEqual(await answer(event("http-api"), {}, () => ({ a: 1 })), { statusCode: 200, headers: { "content-type": "application/json", ...PRIVATE }, body: '{"a":1}' });
    const cookies = await answer(event("rest-api"), {}, () => ({ statusCode: 200, multiValueHeaders: { "Set-Cookie": ["a=1", "b=2"] }, body: "" }));
    deepEqual(cookies.multiValueHeaders["set-cookie"], ["a=1", "b=2"]);
  },

  async "paths: decoded ones are escaped, and one stands for one"() {
    const path = async (name, text) => {
      let seen;
      const { statusCode } = await answer(event(name, keys.plain, (given) => (given[given.rawPath === undefined ? "path" : "rawPath"] = text)), { requirement: (info) => ((seen = info.path), NEED) });
      return statusCode === 200 ? seen : statusCode;
    };
    for (const name of ["rest-api", "http-api", "load-balancer"]) {
      deepEqual([await path(name, "/zonen/ü x"), await path(name, "/a?b"), await path(name, "/a/..%2fadmin"), await path(name, "/a\ud800")], [await path(name, "/zonen/%C3%BC%20x"), await path(name, "/a%3Fb"), 400, await path(name, "/a%EF%BF%BD")]);
    }
  },

  async "a key in the query, decoded or not"() {
    const asked = await made({ query: "key" });
    for (const name of HTTP) {
      const given = event(name, keys.plain, (found) => {
        for (const place of [found.headers, found.multiValueHeaders]) for (const header of Object.keys(place ?? {})) if (/api-key/i.test(header)) delete place[header];
        if (found.rawPath !== undefined) found.rawQueryString = `a=%26&key=${keys.plain}`;
        else if (found.multiValueQueryStringParameters) found.multiValueQueryStringParameters = { a: ["b & key=x"].map((text) => (found.requestContext.elb ? encodeURIComponent(text) : text)), key: [keys.plain] };
        else found.queryStringParameters = { key: keys.plain };
      });
      deepEqual([name, (await answer(given, { verifier: asked })).statusCode, (await answer(given)).statusCode], [name, 200, 401]);
    }
    asked.close();
  },

  async "own answers, optional credentials, errors, reports"() {
    events.length = 0;
    const none = event("http-api", keys.plain, (given) => delete given.headers["x-api-key"]);
    const own = await answer(none, { refuse: (verdict) => ({ statusCode: 418, body: verdict.code }) });
    deepEqual([own.statusCode, own.body, own.headers], [418, "missing", { "cache-control": "no-store" }]);
    equal((await answer(none, { refuse: () => undefined })).statusCode, 401);
    equal((await answer(none, { optional: true }, (_, verdict) => ({ statusCode: 200, body: verdict.code }))).body, "missing");
    await assert.rejects(answer(none, { refuse: () => { throw new Error("own"); } }), /own/);
    await assert.rejects(answer(event("http-api"), {}, () => { throw new Error("boom"); }), /boom/);
    const at = ["/zones/7", "198.51.100.9"];
    deepEqual(events, [[418, "missing", ...at], [401, "missing", ...at], [200, "missing", ...at], [502, "valid", ...at]]);
  },

  async "an event of another form is a fault of the program"() {
    for (const other of [{ Records: [] }, { source: "aws.events" }, undefined]) {
      errors.length = 0;
      equal((await answer(other)).statusCode, 500);
      assert.match(errors[0], /^bad_request_object: /);
    }
  },

  async "Lambda@Edge: passes the request on, or answers"() {
    const ask = (given, options = {}) => protectEdge((request) => request, { verifier, requirement: NEED, ...options })(given, {});
    const passed = await ask(event("edge"));
    deepEqual([passed.uri, passed.headers["x-edgelatch-org"], passed.headers["x-api-key"][0].value], ["/zones/7", undefined, keys.plain]);
    const refused = await ask(event("edge", keys.stranger));
    deepEqual([refused.status, type(refused), refused.headers["cache-control"]], ["401", "invalid-token", [{ key: "cache-control", value: "no-store" }]]);
    const twice = event("edge", keys.plain, ({ Records }) => Records[0].cf.request.headers["x-api-key"].push({ key: "X-API-Key", value: keys.plain }));
    equal((await ask(twice)).status, "400");
    const elsewhere = event("edge", keys.office, ({ Records }) => (Records[0].cf.request.clientIp = "203.0.113.1"));
    deepEqual([(await ask(event("edge", keys.office), { requirement: {} })).uri, (await ask(elsewhere, { requirement: {} })).status], ["/zones/7", "403"]);
    equal((await ask(event("edge", keys.stranger), { refuse: () => ({ status: "418" }) })).status, "418");
  },
};

let [passed, failed] = [0, 0];
for (const [what, test] of Object.entries(LAMBDA)) {
  try {
    await test();
    passed++;
  } catch (error) {
    failed++;
    console.log(`lambda: ${what}: ${error.stack}`);
  }
}
verifier.close();
console.log(`lambda: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
