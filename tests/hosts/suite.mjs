// What must hold on every host, asked over HTTP.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Agent, request as send } from "node:http";
import { createRequire } from "node:module";

const { keys } = JSON.parse(readFileSync(new URL("../runtimes/fixture.json", import.meta.url), "utf8"));
const { equal, deepEqual } = assert;
const bearer = (key) => ["Authorization", `Bearer ${keys[key]}`];
const HELLO = "hello Key “plain”";

/** Asks a host. `headers` is a flat list, so that lines can repeat. */
export function client(port) {
  return (path, { headers = bearer("plain"), method = "GET", body, agent } = {}) =>
    new Promise((resolve, reject) => {
      const lines = ["Host", "api.example.com", ...(agent === undefined ? ["Connection", "close"] : []), ...(body === undefined ? [] : ["Content-Length", String(Buffer.byteLength(body))]), ...headers];
      const outgoing = send({ port, host: "127.0.0.1", path, method, headers: lines, agent: agent ?? false }, (reply) => {
        const { localPort } = reply.socket;
        let text = "";
        reply.setEncoding("utf8").on("data", (piece) => (text += piece)).on("end", () => resolve({ status: reply.statusCode, headers: reply.headers, body: text, localPort }));
      });
      outgoing.on("error", reject).end(body);
    });
}

const problem = (reply) => JSON.parse(reply.body).type.split(":").at(-1);
const brief = ({ status, body }) => [status, body];

export const SUITE = {
  async accepts({ ask, caching = "private" }) {
    const reply = await ask("/hello");
    deepEqual(brief(reply), [200, HELLO]);
    deepEqual([reply.headers["cache-control"], reply.headers.vary?.replace(/, Accept-Encoding/i, "")], [caching, "Authorization, X-API-Key"]);
    equal((await ask("/hello", { headers: ["X-API-Key", keys.plain] })).status, 200);
    equal((await ask("/made")).body, HELLO);
  },

  async refuses({ ask }) {
    const cases = [
      ["/hello", [], 401, "missing-credential"], ["/hello", bearer("stranger"), 401, "invalid-token"], ["/hello", bearer("revoked"), 401, "invalid-token"],
      ["/hello", bearer("expired"), 401, "invalid-token"], ["/hello", ["Authorization", "Bearer x y"], 400, "invalid-request"], ["/strong", bearer("plain"), 403, "insufficient-scope"],
      ["/direct", bearer("office"), 403, "ip-denied"],
    ];
    for (const [path, headers, status, type] of cases) {
      const reply = await ask(path, { headers });
      deepEqual([reply.status, problem(reply), reply.headers["content-type"].split(";")[0], reply.headers["cache-control"]], [status, type, "application/problem+json", "no-store"], `${path} ${headers}`);
    }
    equal((await ask("/hello", { headers: [] })).headers["www-authenticate"], 'Bearer realm="acme"');
  },

  async "raw lines"({ ask, joined }) {
    const [plain, api] = [bearer("plain"), ["X-API-Key", keys.plain]];
    for (const headers of [[...plain, ...plain], [...plain, ...bearer("stranger")], [...api, "x-api-key", keys.plain], [...plain, ...api], [...plain, "X-API-Key", ""]]) {
      equal((await ask("/hello", { headers })).status, 400, headers.join(" "));
    }
    if (!joined) equal((await ask("/hello", { headers: [...plain, "Authorization", ""] })).status, 400);
  },

  async "own names"({ ask }) {
    const reply = await ask("/names", { headers: [...bearer("plain"), "X-Edgelatch-Org", "forged", "x_edgelatch_key_id", "forged", "X-Other", "1"] });
    deepEqual(brief(reply), [200, "none"]);
  },

  async HEAD({ ask, zero }) {
    const reply = await ask("/hello", { method: "HEAD" });
    deepEqual(brief(reply), [200, ""]);
    const refused = await ask("/hello", { method: "HEAD", headers: [] });
    deepEqual([...brief(refused), refused.headers["www-authenticate"]], [401, "", 'Bearer realm="acme"']);
    if (!zero) assert.notEqual(refused.headers["content-length"], "0", "the length is that of the reply to GET, or not said");
  },

  async streams({ ask }) {
    deepEqual(brief(await ask("/stream")), [200, "one two three"]);
  },

  async bodies({ ask }) {
    const body = "x".repeat(200_000);
    equal((await ask("/echo", { method: "POST", body })).body, `echo ${body}`);
    equal((await ask("/echo", { method: "POST", body: "small", headers: [] })).status, 401);
  },

  async "keep-alive"({ ask }) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    try {
      const found = [];
      for (const headers of [bearer("plain"), [], bearer("plain"), bearer("stranger"), bearer("plain")]) found.push(await ask("/hello", { headers, agent }));
      deepEqual(found.map(({ status }) => status), [200, 401, 200, 401, 200]);
      equal(new Set(found.map(({ localPort }) => localPort)).size, 1, "refusals keep the connection");
    } finally {
      agent.destroy();
    }
  },

  async errors({ ask }) {
    deepEqual(brief(await ask("/throws")), [555, "handled boom"]);
  },

  async "errors of options"({ ask, early = false }) {
    deepEqual(brief(await ask("/own-throws", { headers: [] })), [555, "handled refused missing"]);
    if (!early) deepEqual(brief(await ask("/unmade")), [555, "handled no verifier"]);
  },

  async mounts({ ask }) {
    deepEqual(brief(await ask("/sub/inner/x")), [200, "inner Key “plain”"]);
    deepEqual([(await ask("/sub/strong")).status, (await ask("/sub/other")).status, (await ask("/SUB/strong")).status !== 200], [403, 403, true]);
    equal((await ask("/sub/inner/..%2fstrong")).status, 400);
  },

  async addresses({ ask }) {
    const from = (path, address) => ask(path, { headers: [...bearer("office"), "X-Forwarded-For", address] }).then(({ status }) => status);
    deepEqual([await from("/direct", "198.51.100.9"), await from("/address", "198.51.100.9"), await from("/address", "203.0.113.1"), await from("/context", "203.0.113.1")], [403, 200, 403, 200]);
  },

  async "by request"({ ask }) {
    const asked = (value) => ask("/by-request", { headers: [...bearer("plain"), "X-Need", value] }).then(({ status }) => status);
    deepEqual([await asked("view"), await asked("other")], [200, 403]);
  },

  async "own answers"({ ask }) {
    const own = await ask("/own", { headers: bearer("stranger") });
    deepEqual([...brief(own), own.headers["cache-control"]], [418, "own unknown", "no-store"]);
    equal((await ask("/own")).body, "secret");
    deepEqual([(await ask("/own-nothing", { headers: [] })).status, (await ask("/own-nothing")).body], [401, "secret"]);
  },

  async optional({ ask }) {
    const anonymous = await ask("/optional", { headers: [] });
    deepEqual([...brief(anonymous), anonymous.headers.vary?.startsWith("Authorization, X-API-Key")], [200, "hello anonymous", true]);
    equal((await ask("/optional")).body, HELLO);
    deepEqual([(await ask("/optional", { headers: bearer("stranger") })).status, (await ask("/optional", { headers: bearer("leaving") })).status], [401, 200]);
  },

  async reports({ ask, caught = 555 }) {
    // Events of requests before these may still be on their way; behind that of the last one there are none.
    // It is of a kind that no other test has sent.
    await ask("/strong", { method: "HEAD" });
    const isLast = ({ method, endpoint }) => method === "HEAD" && endpoint === "/strong";
    for (let tries = 0, last = []; tries < 20 && !last.some(isLast); tries++) last = await settled(ask, 1);
    const events = [];
    for (const [path, options] of [["/hello?x=1"], ["/strong"], ["/throws"], ["/own", { headers: [] }], ["/optional", { headers: [] }]]) {
      await ask(path, options);
      events.push(...(await settled(ask, 1)));
    }
    deepEqual(events.map(({ status, code, method, endpoint }) => `${method} ${endpoint} ${status} ${code}`), [
      "GET /hello 200 valid", "GET /strong 403 permission_denied", `GET /throws ${caught} valid`, "GET /own 418 missing", "GET /optional 200 missing",
    ]);
    deepEqual([...new Set(events.map(({ ip }) => ip))], ["127.0.0.1"]);
  },

  async "wrong objects"({ ask, object }) {
    const { body } = await ask("/object");
    if (object === undefined) return equal(body, "valid");
    equal(body, `bad_requirement 500 bad_request_object: this object is the framework's; its request is \`${object}\``);
  },

  async upgrades({ port }) {
    const { WebSocket } = createRequire(import.meta.url)("ws");
    const open = (path, key) =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers: key === undefined ? {} : { authorization: `Bearer ${keys[key]}` } });
        socket.on("message", (data) => (resolve(String(data)), socket.terminate())).on("error", reject);
        socket.on("unexpected-response", (_, { statusCode, headers }) => resolve(`${statusCode} ${headers["www-authenticate"] ?? headers["x-code"]}`));
      });
    deepEqual([await open("/live", "plain"), await open("/live"), await open("/own", "stranger")], [`${HELLO} true`, '401 Bearer realm="acme"', "418 unknown"]);
  },
};

/** Reports follow responses: asks until there are as many. */
async function settled(ask, count) {
  const found = [];
  for (let i = 0; i < 100 && found.length < count; i++) {
    found.push(...JSON.parse((await ask("/events")).body));
    if (found.length < count) await new Promise((turn) => setTimeout(turn, 20));
  }
  return found;
}
