// Usage reporting over real HTTP, alike on every runtime. `ingest` is the URL of the server in ingest.mjs.
import { equal, ok } from "./suite.mjs";

const KEY = "elm_sk_usage_reporter_key";

/** @returns `[name, run][]` */
export function usageSuite({ createVerifier, protect, staticSource, usageReporter, fixture, ingest }) {
  const { keys, start } = fixture;
  let rooms = 0;

  /** A verifier that reports to a path of its own, below which the server answers as the scenario says. */
  async function edge(scenario, { more = {}, ...options } = {}) {
    const room = `${scenario}.${rooms++}.${Math.random().toString(36).slice(2)}`;
    const errors = [];
    const { fetch: ask } = options;
    // Which fails at what is about batches only.
    if (ask !== undefined) options.fetch = (url, init) => (String(url).endsWith("/edges") ? Promise.resolve(new Response("{}")) : ask(url, init));
    const usage = usageReporter({ url: `${ingest}/${room}`, realm: "acme", key: KEY, maxAge: 20, onError: (error) => errors.push(error), ...options });
    const bundle = Uint8Array.from(atob(fixture.snapshots.first.bundle), (character) => character.charCodeAt(0));
    const verifier = await createVerifier({ root: fixture.roots[0], source: staticSource(bundle), refresh: { mode: "manual" }, now: () => (start + 10) * 1000, usage, ...more });
    await verifier.refresh();
    const calls = async () => (await fetch(`${ingest}/${room}`)).json();
    const until = async (holds) => {
      for (let i = 0; i < 500 && !holds(); i++) await new Promise((turn) => setTimeout(turn, 20));
      ok(holds(), `${scenario}: ${JSON.stringify(usage.stats)}`);
    };
    return { room, usage, verifier, errors, calls, until, answered: (n) => until(() => usage.stats.delivered + usage.stats.dropped === n) };
  }
  const bearer = (key, init = {}) =>
    new Request(`https://api.example.com/v1/zones?token=${keys.plain}`, { ...init, headers: { authorization: `Bearer ${keys[key]}`, ...init.headers } });
  const rows = (calls) => calls.flatMap(({ batch }) => batch.events.map(({ key_id, method, endpoint, status, code }) => [key_id ?? null, method, endpoint, status, code]));

  return Object.entries({
    async "usage: protect reports each answer with its real status"() {
      const { verifier, calls, answered, room } = await edge("ok", { maxBatch: 100, more: { allowPreflight: true } });
      const kept = [];
      const handler = protect((request, verdict, what) => {
        if (what === "throw") throw new Error("handler");
        if (what === "reject") return Promise.reject(new Error("handler"));
        if (what === "nothing") return undefined;
        if (what === "template") verdict.report({ endpoint: "/v1/{collection}" });
        return what === "gone" ? new Response(null, { status: 410 }) : new Response(request.method === "HEAD" ? null : "ok", { status: 201 });
      }, { verifier, requirement: ({ method }) => (method === "DELETE" ? { permission: "zone.delete" } : {}) });
      // Workers take the third argument for what carries background work.
      const call = (request, what) => handler(request, what, { waitUntil: (work) => kept.push(work) }).then((reply) => reply.status, () => "thrown");
      const preflight = { method: "OPTIONS", headers: { origin: "https://a.example", "access-control-request-method": "PUT" } };
      const got = [
        await call(bearer("plain")), await call(bearer("plain", { method: "HEAD" })), await call(bearer("plain"), "gone"), await call(bearer("plain"), "throw"),
        await call(bearer("plain"), "reject"), await call(bearer("plain"), "nothing"), await call(bearer("plain"), "template"), await call(bearer("revoked")),
        await call(bearer("stranger")), await call(bearer("plain", { method: "DELETE" })), await call(new Request("https://h/x")), await call(new Request("https://h/p?q", preflight)),
        await call(new Request("https://h/p", { method: "OPTIONS" })),
      ];
      equal(got, [201, 201, 410, "thrown", "thrown", "thrown", 201, 401, 401, 403, 401, 201, 401]);
      await answered(13);
      await Promise.all(kept);
      const seen = await calls();
      const [plain, path] = ["key_00000000001", "/v1/zones"];
      equal(rows(seen), [
        [plain, "GET", path, 201, "valid"], [plain, "HEAD", path, 201, "valid"], [plain, "GET", path, 410, "valid"], [plain, "GET", path, 500, "valid"],
        [plain, "GET", path, 500, "valid"], [plain, "GET", path, 500, "valid"], [plain, "GET", "/v1/{collection}", 201, "valid"], ["key_00000000004", "GET", path, 401, "revoked"],
        [null, "GET", path, 401, "unknown"], [plain, "DELETE", path, 403, "permission_denied"], [null, "GET", "/x", 401, "missing"], [null, "OPTIONS", "/p", 201, "missing"],
        [null, "OPTIONS", "/p", 401, "missing"],
      ]);
      for (const { method, url, authorization, type, body, batch, problem } of seen) {
        equal([method, url, authorization, type, problem], ["POST", `/${room}/api/v1/realms/acme/usage`, `Bearer ${KEY}`, "application/json", undefined]);
        for (const secret of [...Object.values(keys), KEY, "token", "authorization"]) ok(!body.includes(secret), "a body without secrets");
        for (const event of batch.events) equal(event.at, start + 10);
      }
      const ids = seen.flatMap(({ batch }) => batch.events.map(({ event }) => event));
      equal(new Set(ids).size, 13);
    },

    async "usage: an edge tells which epoch it has, and that it ends, with no event"() {
      const { verifier, usage, room, calls, until } = await edge("ok", { edge: "fra-1", events: false });
      const told = async () => (await fetch(`${ingest}/${room}/edges`)).json();
      let seen = [];
      for (let turn = 0; turn < 200 && seen.length === 0; turn++) {
        equal(verifier.verifyKey(keys.plain).ok, true); // reports go with requests where nothing refreshes by a timer
        await new Promise((next) => setTimeout(next, 20));
        seen = await told();
      }
      await usage.close();
      seen = await told();
      equal(seen.map(({ url, authorization, report }) => [url, authorization, report.report, report.closing]), [
        [`/${room}/api/v1/realms/acme/edges`, `Bearer ${KEY}`, 1, false], [`/${room}/api/v1/realms/acme/edges`, `Bearer ${KEY}`, 2, true],
      ]);
      const [{ report }] = seen;
      equal([report.name, report.epoch, report.mode, report.at, /^[0-9a-f-]{36}$/.test(report.edge)], ["fra-1", verifier.epoch, "manual", start + 10, true]);
      await until(() => usage.stats.waiting === 0);
      equal([(await calls()).length, usage.stats], [0, { delivered: 0, waiting: 0, dropped: 0 }]);
    },

    async "usage: bare verdicts are reported by hand, once"() {
      const { verifier, calls, usage } = await edge("ok");
      const accepted = verifier.verify(bearer("plain", { method: "PUT" }), {}, { peer: "::ffff:192.0.2.7" });
      accepted.report(); // the status is not known yet
      accepted.report({ endpoint: "/v1/{zones}", country: "CH" });
      equal(usage.stats.waiting, 0);
      accepted.report({ status: 204, event: "req-1" });
      accepted.report({ status: 500 });
      verifier.verifyKey(keys.office, { ip: "198.51.100.9" }).report({ status: 101, method: "CONNECT", endpoint: "wss://u:p@h/socket?key=x" });
      verifier.verifyKey(keys.expired, { ip: "2001:DB8::1" }).report();
      verifier.verifyKey("junk", { ip: "not an address" }).report({ status: 42 });
      equal(await usage.flush(), true);
      const [{ batch, problem }, ...others] = await calls();
      const [first, second, third, fourth] = batch.events;
      equal([problem, others.length, batch.events.length], [undefined, 0, 4]);
      equal([first.ip, first.country, first.event, first.status, first.endpoint, first.method], ["192.0.2.7", "CH", "req-1", 204, "/v1/{zones}", "PUT"]);
      equal([second.ip, second.status, second.method, second.endpoint, second.key_id], ["198.51.100.9", 101, "CONNECT", "/socket", "key_00000000002"]);
      equal([third.ip, third.status, third.code, third.method, third.endpoint], ["2001:db8::1", 401, "expired", "-", "-"]);
      equal([fourth.ip, fourth.status, fourth.code, fourth.key_id], [undefined, 500, "malformed", undefined]);
    },

    async "usage: 503, 429 and a lost answer are tried again with the same id"() {
      await Promise.all([["busy", "http_status"], ["limited", "http_status"], ["lost", "unreachable"]].map(async ([scenario, code]) => {
        const { verifier, calls, answered, errors, usage } = await edge(scenario);
        verifier.verifyKey(keys.plain).report({ status: 200 });
        await answered(1);
        const seen = await calls();
        equal([seen.length, seen[0].body === seen[1].body, errors.map((error) => error.code)], [2, true, [code]]);
        equal(usage.stats, { delivered: 1, waiting: 0, dropped: 0 });
      }));
    },

    async "usage: 400, 401 and a redirect are not tried again, but counted and told, without the key"() {
      await Promise.all([["malformed", 400], ["unauthorized", 401], ["moved", 307]].map(async ([scenario, status]) => {
        const { verifier, calls, answered, errors, usage, room } = await edge(scenario);
        for (let i = 0; i < 2; i++) verifier.verifyKey(keys.plain).report({ status: 200 });
        await answered(2);
        equal([await usage.flush(), (await calls()).length, (await (await fetch(`${ingest}/elsewhere`)).json()).length], [true, 1, 0]);
        equal([usage.stats, errors.length], [{ delivered: 0, waiting: 0, dropped: 2 }, 1]);
        const [error] = errors;
        ok(error.code === "http_status" && (error.status === status || error.status === 0), `${room}: ${error.message}`);
        if (scenario === "moved") ok(/^http_status: the control plane answered (0|307), a redirect to (http:\/\/127|an address that this runtime does not tell).*, which is not followed/.test(error.message), error.message);
        ok(!`${error.stack}${JSON.stringify(error)}${JSON.stringify(usage)}`.includes(KEY), "an error without the key");
      }));
    },

    async "usage: nobody answers: requests go on, what waits is bounded, closing ends"() {
      const { verifier, usage, errors } = await edge("down", { maxBatch: 4, maxQueue: 10, deadline: 100, fetch: () => Promise.reject(new TypeError(`no route with ${KEY}`)) });
      const handler = protect(() => new Response("ok"), { verifier });
      for (let i = 0; i < 25; i++) equal((await handler(bearer("plain"))).status, 200);
      equal(usage.stats, { delivered: 0, waiting: 10, dropped: 15 });
      await usage.close();
      equal(usage.stats, { delivered: 0, waiting: 0, dropped: 25 });
      ok(errors.some((error) => error.code === "queue_full") && errors.some((error) => error.message === "unreachable: no route with …"), "both are told");
      ok(errors.every((error) => !`${error.stack}`.includes(KEY)), "an error without the key");
      equal((await handler(bearer("plain"))).status, 200);
      equal(usage.stats.dropped, 26);
    },

    async "usage: a send that hangs is given up at its deadline"() {
      let signal;
      const { verifier, usage, errors } = await edge("ok", { deadline: 50, fetch: (_, init) => ((signal = init.signal), new Promise(() => {})) });
      verifier.verifyKey(keys.plain).report({ status: 200 });
      equal([await usage.flush(), errors.map((error) => error.code), signal.aborted, usage.stats.waiting], [false, ["deadline"], true, 1]);
    },

    async "usage: hooks and sinks of the host's cannot fail a request"() {
      const broken = { record: () => { throw new Error("sink"); }, describe: () => { throw new Error("hook"); } };
      const { verifier } = await edge("ok", { more: { usage: broken } });
      equal(verifier.usage, broken);
      equal((await protect(() => new Response("ok"), { verifier })(bearer("plain"))).status, 200);
      const seen = [];
      const described = { record: (event) => seen.push(event), describe: (request) => ({ endpoint: new URL(request.url).hostname, ip: "192.0.2.1" }) };
      const { verifier: second } = await edge("ok", { more: { usage: described } });
      second.verify(bearer("plain")).report({ status: 200, ip: "192.0.2.2" });
      equal([seen[0].endpoint, seen[0].ip, seen[0].keyId], ["api.example.com", "192.0.2.2", "key_00000000001"]);
      second.verify(null).report();
      equal([seen[1].code, seen[1].status, seen[1].method, seen[1].endpoint], ["bad_requirement", 500, "-", "-"]);
      const { verifier: silent } = await edge("ok", { more: { usage: undefined } });
      silent.verify(bearer("plain")).report({ status: 200 });
    },

    async "usage: wrong options are refused at once, without repeating the key"() {
      const base = { url: ingest, realm: "acme", key: KEY };
      const cases = [
        [{ key: `${KEY}\n` }, /^key/], [{ key: "" }, /^key/], [{ key: undefined }, /^key/], [{ key: `Bearer ${KEY}` }, /^key/], [{ realm: "../x" }, /^realm/], [{ realm: undefined }, /^realm/],
        [{ url: "http://keys.example.com" }, /https/], [{ url: "ftp://127.0.0.1" }, /https/], [{ url: "https://u:p@h/" }, /credentials/], [{ url: "https://h/?x" }, /query/],
        [{ maxBatch: 0 }, /maxBatch/], [{ maxBatch: 10_001 }, /maxBatch/], [{ maxAge: 1.5 }, /maxAge/], [{ maxQueue: "9" }, /maxQueue/], [{ deadline: 2 ** 31 }, /deadline/], [{ maxbatch: 1 }, /maxbatch/], [{ edge: "a\nb" }, /^edge/], [{ events: 1 }, /^events/],
        ...["maxBatch", "maxAge", "maxQueue", "deadline", "maxBackoff", "describe", "edge", "events"].map((name) => [{ [name]: undefined }, new RegExp(`${name} is undefined: leave it out, or give `)]),
      ];
      for (const [wrong, message] of cases) {
        let error;
        try { usageReporter({ ...base, ...wrong }); } catch (thrown) { error = thrown; }
        ok(message.test(error?.message) && !error.message.includes(KEY), `${JSON.stringify(wrong)}: ${error?.message}`);
      }
      usageReporter({ ...base, fetch: undefined, onError: undefined });
      for (const usage of [{ ...base }, usageReporter({ ...base, realm: "other" })]) {
        const error = await edge("ok", { more: { usage } }).then(() => undefined, (thrown) => thrown);
        ok(/^usage: /.test(error?.message), error?.message);
      }
    },
  });
}
