// What every runtime must do alike. Each runner hands in the package as it was packed, the fixture and two modules that trap.

/** @returns `[name, run][]` */
export function suite({ createVerifier, protect, staticSource, fixture, trapsOnPath, trapsOnKey, trapsOnIdentity }) {
  const { keys, start, life } = fixture;
  const bytes = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const snapshot = (name) => ({ head: bytes(fixture.snapshots[name].head), bundle: bytes(fixture.snapshots[name].bundle) });
  const roots = fixture.roots.map(bytes);
  const OFFICE = "198.51.100.9";

  /** A verifier over a source whose content and clock the test sets. */
  async function edge(first = "first", options = {}) {
    const errors = [];
    const state = { now: start + 10, ...snapshot(first), roots, errors };
    const source = {
      head: async () => ({ bytes: state.head }),
      bundle: async () => ({ bytes: state.bundle }),
      root: async (n) => state.roots[n - 1],
    };
    state.show = (name) => Object.assign(state, snapshot(name));
    state.verifier = await createVerifier({
      root: fixture.roots[0],
      source,
      refresh: { mode: "manual" },
      now: () => state.now * 1000,
      onError: (error) => errors.push(error.code),
      ...options,
    });
    await state.verifier.refresh().catch(() => {});
    return state;
  }
  const bearer = (key, more = {}, init = {}) => new Request("https://api.example.com/v1/zones?x=1", { headers: { authorization: `Bearer ${keys[key]}`, ...more }, ...init });

  return Object.entries({
    async "each key gets its verdict"() {
      const { verifier } = await edge();
      const codes = {
        plain: "valid", office: "valid", dual: "ip_denied", revoked: "revoked", expired: "expired", future: "not_yet_valid",
        orphan: "owner_disabled", leaving: "valid", stranger: "unknown",
      };
      for (const [key, code] of Object.entries(codes)) equal(verifier.verifyKey(keys[key], { ip: OFFICE }).code, code);
      equal(verifier.verifyKey(keys.office).code, "ip_unknown");
      equal(verifier.verifyKey(keys.office, { ip: "198.51.101.9" }).code, "ip_denied");
      equal(verifier.verifyKey(keys.office, { ip: "::ffff:198.51.100.9" }).code, "valid");
      equal(verifier.verifyKey(keys.dual, { ip: "2001:db8::1" }).code, "valid");
    },

    async "requirements"() {
      const { verifier } = await edge();
      const code = (key, requirement) => verifier.verifyKey(keys[key], { ip: OFFICE, ...requirement }).code;
      equal(code("scoped", { service: "cdn", permission: "cache.purge" }), "valid");
      for (const requirement of [{ service: "dns" }, { permission: "cache.purge" }, {}]) equal(code("scoped", requirement), "scope_denied");
      equal(code("plain", { service: "anything" }), "valid");
      equal(code("plain", { permission: "cache.purge" }), "permission_denied");
      equal(code("plain", { permission: "ZONE.VIEW" }), "permission_denied");
      equal(verifier.verify(bearer("plain"), () => { throw new Error("no"); }).code, "bad_requirement");
    },

    async "a requirement function sees the method and the normalised path"() {
      const { verifier } = await edge();
      const seen = [];
      const ask = (info) => (seen.push(`${info.method} ${info.path}`), {});
      const at = (path, init) => verifier.verify(new Request(`https://h${path}`, { headers: { "x-api-key": keys.plain, "x-http-method-override": "DELETE" }, ...init }), ask).code;
      equal(at("/%61dmin/x?q=%20"), "valid");
      equal(at("/b", { method: "PUT" }), "valid");
      equal(at("/%zz"), "invalid_request");
      equal(seen, ["GET /admin/x", "PUT /b"]);
    },

    async "what is not the text of a key is never cut into one"() {
      const { verifier } = await edge();
      const of = (text) => verifier.verifyKey(text).code;
      for (const text of [`${keys.plain} `, `${keys.plain}\u00a0`, `${keys.plain}é`, `${keys.plain}\ud800`, keys.plain.slice(1), "x", keys.plain + "\0".repeat(20), keys.plain.padEnd(600, "z"), keys.plain.padEnd(100_000, "é")]) equal(of(text), "malformed");
      for (const text of ["", undefined, null, 7, {}]) equal(of(text), "missing");
      const from = (ip) => verifier.verifyKey(keys.office, { ip }).code;
      for (const ip of ["", "198.51.100.9 ", "198.51.100.009", OFFICE.padEnd(64, " "), OFFICE.padEnd(65, "0"), `${OFFICE}é`, 7, null]) equal(from(ip), "ip_unknown");
    },

    async "identity"() {
      const { verifier } = await edge();
      const v = verifier.verifyKey(keys.office, { ip: OFFICE });
      equal([v.ok, v.keyId, v.org, v.owner, v.name], [true, "key_00000000002", "org_1", "ada", "Key “office”"]);
      equal(verifier.verifyKey(keys.scoped, { service: "cdn" }).scope, ["cdn"]);
      equal([v.roles, v.scope, v.metadata, v.epoch, v.age, v.stale], [["purger"], "all", { plan: "pro", seats: 3 }, 7, 10, false]);
      equal(verifier.verifyKey(keys.plain).scope, "all");
      equal(verifier.verifyKey(keys.plain).metadata, undefined);
      const refused = verifier.verifyKey(keys.revoked);
      equal([refused.keyId, refused.org, refused.owner, refused.name, refused.roles, refused.scope, refused.metadata], ["key_00000000004", "org_1", undefined, undefined, [], [], undefined]);
      const unknown = verifier.verifyKey(keys.stranger);
      equal([unknown.keyId, unknown.org], [undefined, undefined]);
      ok(!JSON.stringify([v, refused]).includes("ex_sk"));
    },

    async "freshness"() {
      const state = await edge();
      const code = () => state.verifier.verifyKey(keys.plain).code;
      state.now = start + life - 1;
      equal(code(), "valid");
      state.now = start + life;
      equal(code(), "snapshot_stale");
      state.now = 0;
      equal(code(), "clock_invalid");
      state.now = Number.NaN;
      equal(code(), "clock_invalid");
      let stopped = false;
      const { verifier } = await edge("first", { now: () => { if (stopped) throw new Error("clock"); return (start + 10) * 1000; } });
      equal(verifier.verifyKey(keys.plain).code, "valid");
      stopped = true;
      equal([verifier.verifyKey(keys.plain).code, verifier.verify(bearer("plain")).code, (await protect(() => new Response("ok"), { verifier })(bearer("plain"))).status], ["clock_invalid", "clock_invalid", 503]);
      for (const now of [() => 1n, () => Symbol("time"), () => ({ valueOf: () => { throw new Error("clock"); } })]) {
        const odd = await edge("first", { now });
        equal([odd.verifier.verifyKey(keys.plain).ok, odd.verifier.verify(bearer("plain")).ok], [false, false]);
      }
      const graceful = await edge("first", { graceSeconds: 60 });
      graceful.now = start + life + 59;
      const v = graceful.verifier.verifyKey(keys.plain);
      equal([v.code, v.stale], ["valid", true]);
      graceful.now++;
      equal(graceful.verifier.verifyKey(keys.plain).code, "snapshot_stale");
    },

    async "nothing loaded"() {
      const verifier = await createVerifier({ root: fixture.roots[0], source: { bundle: async () => undefined }, refresh: { mode: "manual" } });
      equal([verifier.ready, verifier.epoch, verifier.age, verifier.realm], [false, 0, Number.POSITIVE_INFINITY, "acme"]);
      const v = verifier.verify(bearer("plain"));
      equal([v.code, v.epoch, v.age, v.keyId], ["snapshot_missing", 0, Number.POSITIVE_INFINITY, undefined]);
      const reply = v.response();
      equal([reply.status, reply.headers.get("retry-after"), reply.headers.get("www-authenticate")], [503, "5", null]);
      equal(verifier.verify(new Request("https://h/")).code, "missing");
    },

    async "updates: a renewed head, a revocation, verdicts in flight"() {
      const state = await edge();
      const { verifier } = state;
      const before = verifier.verifyKey(keys.leaving);
      state.now = start + life - 5;
      state.show("renewed");
      equal([await verifier.refresh(), verifier.epoch], [true, 8]);
      state.now = start + life + 5;
      equal(verifier.verifyKey(keys.leaving).code, "valid");
      state.show("second");
      equal([await verifier.refresh(), verifier.epoch], [true, 9]);
      equal(verifier.verifyKey(keys.leaving).code, "revoked");
      equal(await verifier.refresh(), false);
      equal([before.code, before.epoch, before.name], ["valid", 7, "Key “leaving”"]);
      equal(state.errors, []);
    },

    async "an identity is readable after updates too"() {
      const state = await edge();
      const [kept, read] = [state.verifier.verifyKey(keys.leaving), state.verifier.verifyKey(keys.leaving)];
      equal(read.keyId, kept.keyId);
      state.now = start + life / 2 + 10;
      for (const name of ["second", "rotated"]) {
        state.show(name);
        await state.verifier.refresh();
      }
      equal(state.errors, []);
      equal([state.verifier.epoch, kept.code, kept.name, read.name], [10, "valid", "Key “leaving”", "Key “leaving”"]);
    },

    async "a forged bundle is refused at every byte, or brings what was signed"() {
      const good = snapshot("second");
      // The bundle's own head is not needed: the one that was offered names its tree.
      const own = { from: 16, to: 16 + new DataView(good.bundle.buffer).getUint32(8, true) };
      const forged = function* () {
        for (let at = 0; at < good.bundle.length; at = at + 1 === own.from ? own.to : at + 1) {
          const bundle = good.bundle.slice();
          bundle[at] ^= 1 << (at % 8);
          yield [at, bundle];
        }
      };
      const cold = await edge("first", { minEpoch: 8 });
      cold.now = start + life / 2 + 10;
      cold.errors.length = 0;
      let refused = 0;
      for (const [at, bundle] of forged()) {
        Object.assign(cold, { head: good.head, bundle });
        await cold.verifier.refresh().then(() => fail(`byte ${at} was accepted`), () => refused++);
      }
      const tried = good.bundle.length - (own.to - own.from);
      equal([refused, cold.errors.length, cold.verifier.ready], [tried, tried, false]);

      // An edge that serves has a part of the tree already, and does not look at those bytes.
      let running;
      let taken = 0;
      for (const [at, bundle] of forged()) {
        running ??= await edge();
        running.now = start + life / 2 + 10;
        Object.assign(running, { head: good.head, bundle });
        const changed = await running.verifier.refresh().catch(() => false);
        const found = [running.verifier.epoch, running.verifier.verifyKey(keys.leaving).code, running.verifier.verifyKey(keys.office, { ip: OFFICE, service: "cdn", permission: "cache.purge" }).code];
        equal([at, ...found], [at, ...(changed ? [9, "revoked", "valid"] : [7, "valid", "valid"])]);
        if (changed) [running, taken] = [undefined, taken + 1];
      }
      ok(taken > 0 && taken < tried / 2, `${taken} of ${tried} bytes are not needed`);
    },

    async "replayed, equivocal and stolen heads are refused"() {
      const state = await edge("second");
      state.now = start + life / 2 + 10;
      await state.verifier.refresh();
      equal(state.verifier.epoch, 9);
      state.errors.length = 0;
      for (const [name, code] of [["first", "rollback"], ["equivocal", "equivocation"], ["stolen", "too_few_signatures"]]) {
        state.show(name);
        await state.verifier.refresh().then(() => fail(`${name} was accepted`), () => {});
        equal(state.errors.pop(), code);
        equal([state.verifier.epoch, state.verifier.verifyKey(keys.leaving).code], [9, "revoked"]);
      }
      const floor = await edge("first", { minEpoch: 8 });
      equal([floor.errors[0], floor.verifier.ready], ["below_floor", false]);
      const remembered = { rootVersion: state.verifier.rootVersion, epoch: state.verifier.epoch };
      const durable = await edge("first", { floor: remembered });
      equal([remembered, durable.errors[0], durable.verifier.ready], [{ rootVersion: 1, epoch: 9 }, "below_floor", false]);
    },

    async "trust follows a rotation only with its roots"() {
      const state = await edge();
      state.now = start + life / 2 + 10;
      state.show("rotated");
      state.roots = [];
      await state.verifier.refresh().then(() => fail("accepted without the root"), () => {});
      equal([state.errors.pop(), state.verifier.epoch], ["root_needed", 7]);
      state.roots = roots;
      equal([await state.verifier.refresh(), state.verifier.epoch], [true, 10]);
      const bundleOnly = await createVerifier({ root: roots[0], source: staticSource(snapshot("rotated").bundle, { 2: roots[1] }), now: () => state.now * 1000, refresh: { mode: "manual" } });
      equal([await bundleOnly.refresh(), bundleOnly.epoch, await bundleOnly.refresh()], [true, 10, false]);
    },

    async "a trap refuses, and the next refresh brings back what served"() {
      const state = await edge("first", { wasm: trapsOnPath });
      state.now = start + 100;
      state.show("renewed");
      const { verifier } = state;
      const held = verifier.verifyKey(keys.plain, { permission: "zone.view" });
      let called = false;
      const handler = protect(() => ((called = true), new Response("ok")), { verifier, requirement: () => ({}) });
      const reply = await handler(bearer("plain"));
      equal([reply.status, called, verifier.ready], [503, false, false]);
      equal([state.errors.pop(), verifier.verifyKey(keys.plain).code, verifier.verifyKey(keys.plain).response().status], ["trap", "internal", 503]);
      state.head = undefined; // the source is of no help
      await verifier.refresh().then(() => fail("the source answered"), () => {});
      equal(state.errors.pop(), "source");
      equal([verifier.ready, verifier.epoch], [true, 7]);
      equal(verifier.verifyKey(keys.plain, { permission: "zone.view" }).code, "valid");
      equal(verifier.verifyKey(keys.plain, { permission: "cache.purge" }).code, "permission_denied");
      try {
        void held.name;
        fail("an identity survived its instance");
      } catch (error) {
        ok(/gone/.test(error.message));
      }
    },

    async "a core that always traps never accepts"() {
      const { verifier, errors } = await edge("first", { wasm: trapsOnKey });
      for (let i = 0; i < 3; i++) equal(verifier.verifyKey(keys.plain).code, "internal");
      equal(errors, ["trap"]);
      await verifier.refresh();
      equal(verifier.verifyKey(keys.plain).code, "internal");
      equal(errors, ["trap", "trap"]);
    },

    async "an identity that cannot be read is told by an exception, and nothing is accepted any more"() {
      const { verifier, errors } = await edge("first", { wasm: trapsOnIdentity });
      let called = false;
      const handler = protect((_, verdict) => ((called = true), new Response(verdict.name)), { verifier });
      const answer = await handler(bearer("plain")).catch((error) => error.message);
      ok(/gone/.test(answer), answer);
      equal([called, errors], [true, ["trap"]]);
      called = false;
      equal([(await handler(bearer("plain"))).status, called, errors], [503, false, ["trap"]]);
    },

    async "replies"() {
      const state = await edge();
      const { verifier } = state;
      const answer = async (request, requirement = {}) => {
        const reply = verifier.verify(request, requirement).response();
        equal(reply.headers.get("cache-control"), "no-store");
        equal(reply.headers.get("content-type"), "application/problem+json");
        return [reply.status, reply.headers.get("www-authenticate"), await reply.text()];
      };
      const bodies = new Set();
      for (const key of ["revoked", "expired", "future", "orphan", "stranger"]) {
        const [status, challenge, body] = await answer(bearer(key));
        equal([status, challenge], [401, 'Bearer realm="acme", error="invalid_token"']);
        bodies.add(body);
      }
      bodies.add((await answer(new Request("https://h/<script>", { headers: { "x-api-key": "evil<script>".replace(/[<>]/g, "~") } })))[2]);
      equal(bodies.size, 1);
      equal(Object.keys(JSON.parse([...bodies][0])), ["type", "title", "status", "detail"]);
      equal((await answer(new Request("https://h/"))).slice(0, 2), [401, 'Bearer realm="acme"']);
      equal((await answer(bearer("plain"), { permission: "cache.purge" })).slice(0, 2), [403, 'Bearer realm="acme", error="insufficient_scope"']);
      equal((await answer(bearer("dual"))).slice(0, 2), [403, null]);
      equal((await answer(bearer("plain"), { permission: "" })).slice(0, 2), [500, null]);
      equal((await answer(bearer("plain", { "x-api-key": keys.plain }))).slice(0, 2), [400, 'Bearer realm="acme", error="invalid_request"']);
      const head = verifier.verify(new Request("https://h/", { method: "HEAD" })).response();
      equal([head.status, await head.text()], [401, ""]);
      const masked = await edge("first", { maskIp: true });
      const v = masked.verifier.verify(bearer("dual"));
      equal([v.code, v.reply.status, v.reply.body], ["ip_unknown", 401, [...bodies][0]]);
    },

    async "protect: identity headers, caching, HEAD, preflight"() {
      const { verifier } = await edge("first", { allowPreflight: true });
      const seen = [];
      const handler = protect(
        (request, verdict, ...rest) => {
          seen.push([[...request.headers.keys()].filter((name) => name.startsWith("x-")), verdict.keyId, rest]);
          return new Response(request.method === "HEAD" ? null : "ok", { headers: request.headers.has("x-public") ? { "cache-control": "public", vary: "Accept" } : {} });
        },
        { verifier: () => verifier, requirement: { permission: "zone.view" } },
      );
      const call = (...args) => handler(...args);
      let reply = await call(bearer("plain", { "X-Edgelatch-Key-Id": "key_forged", "x-edgelatch-org": "root", "x-other": "1" }), "env");
      equal([reply.status, reply.headers.get("cache-control"), reply.headers.get("vary")], [200, "private", "Authorization, X-API-Key"]);
      equal(seen.pop(), [["x-other"], "key_00000000001", ["env"]]);
      reply = await call(bearer("plain", { "x-public": "1" }));
      equal([reply.headers.get("cache-control"), reply.headers.get("vary")], ["public", "Accept, Authorization, X-API-Key"]);
      reply = await call(bearer("plain", {}, { method: "HEAD" }));
      equal([reply.status, seen.length], [200, 2]);
      reply = await call(new Request("https://h/", { method: "OPTIONS", headers: { authorization: "Bearer nothing" } }));
      equal([reply.status, seen.length], [401, 2]);
      reply = await call(bearer("stranger"));
      equal([reply.status, seen.length], [401, 2]);
    },

    async "hooks see every verdict and cannot change one"() {
      const log = [];
      const { verifier } = await edge("first", {
        onVerdict: (verdict) => {
          log.push([verdict.code, verdict.keyId]);
          if (verdict.ok) throw new Error("hook");
          return Promise.reject(new Error("hook"));
        },
      });
      equal([verifier.verifyKey(keys.plain).ok, verifier.verify(bearer("revoked")).ok], [true, false]);
      equal(log, [["valid", "key_00000000001"], ["revoked", "key_00000000004"]]);
    },

    async "a pepper is rotated where the edge was given both"() {
      const [one, two] = fixture.peppers;
      const base64 = `${two.replaceAll("-", "+").replaceAll("_", "/")}==\n`;
      for (const pepper of [[one, two], [bytes(base64.trim()), one], [base64, bytes(one)]]) {
        const state = await edge("first", { pepper });
        for (const [name, epoch] of [["peppered", 10], ["repeppered", 11]]) {
          state.show(name);
          state.now = start + life / 2 + 10;
          await state.verifier.refresh();
          equal([state.verifier.epoch, ...["plain", "leaving", "stranger"].map((key) => state.verifier.verifyKey(keys[key]).code)], [epoch, "valid", "revoked", "unknown"]);
        }
        equal(state.errors, []);
      }
    },

    async "without the pepper that a snapshot was made with it is refused, and what serves goes on"() {
      const [one, two] = fixture.peppers;
      for (const options of [{}, { pepper: two }, { pepper: one.slice(0, -4) }]) {
        const state = await edge("first", options);
        state.show("peppered");
        state.now = start + life / 2 + 10;
        const refused = await state.verifier.refresh().then(() => fail("it was taken"), (error) => error);
        equal([refused.code, state.errors.includes("wrong_pepper"), state.verifier.epoch, state.verifier.verifyKey(keys.plain).code], ["wrong_pepper", true, 7, "valid"]);
        ok(/pepper [0-9a-f]{8}/.test(refused.message) && !refused.message.includes(one.slice(0, 8)), refused.message);
        // Nor does one that begins serve anything, rather than calling every key unknown.
        const cold = await edge("peppered", { ...options, now: () => state.now * 1000 }).catch((error) => error.code);
        ok(cold === "wrong_pepper" || cold.verifier.verifyKey(keys.plain).code === "snapshot_missing", String(cold));
      }
    },

    async "configuration errors are refused at once"() {
      const base = { root: fixture.roots[0], source: staticSource(new Uint8Array()), refresh: { mode: "manual" } };
      const cases = [
        [{ root: new Uint8Array(3) }, /bad_magic|truncated/], [{ root: "not base64!" }, /base64/], [{ root: undefined }, /root/],
        [{ maskIP: true }, /unknown option "maskIP"/], [{ maskIp: "on" }, /maskIp/], [{ credentials: ["cookie"] }, /credentials/], [{ credentials: [] }, /credentials/],
        [{ graceSeconds: -1 }, /graceSeconds/], [{ graceSeconds: 1e9 }, /grace/], [{ query: "a\nmask_ip=off" }, /line break/], [{ query: "a b" }, /query/],
        [{ clientIp: { trust: ["10.0.0.1/8"] } }, /10\.0\.0\.0\/8/], [{ clientIp: "nonsense" }, /client_ip/], [{ clientIp: {} }, /clientIp/],
        [{ clientIp: { hops: 1, header: "forwarded;proxy_protocol=trust:0.0.0.0/0" } }, /clientIp\.header/], [{ clientIp: { platform: "cloudflare;hops=1" } }, /clientIp\.platform/], [{ source: "ftp://x" }, /ftp/], [{ source: {} }, /source/],
        [{ pepper: new Uint8Array(3) }, /pepper.*16 to 64 bytes/], [{ pepper: { id: 1, secret: new Uint8Array(16) } }, /pepper/], [{ pepper: "" }, /pepper/], [{ pepper: "c0ffee!" }, /pepper: the text is not/],
        [{ pepper: [] }, /pepper: at least one/], [{ pepper: ["A".repeat(22), undefined] }, /pepper/], [{ pepper: ["A".repeat(22), "A".repeat(22)] }, /each once/],
        [{ pepper: ["A", "B", "C", "D", "E"].map((first) => first.repeat(22)) }, /1 to 4/], [{ floor: { rootVersion: 1, epoch: "9" } }, /floor\.epoch/],
        [{ refresh: { interval: 0 } }, /interval/], [{ refresh: { every: 1 } }, /every/], [{ refresh: { mode: "never" } }, /mode/],
      ];
      for (const [wrong, message] of cases) {
        const error = await createVerifier({ ...base, ...wrong }).then(() => fail(`${JSON.stringify(wrong)} was accepted`), (error) => error);
        ok(message.test(error.message), `${JSON.stringify(wrong)}: ${error.message}`);
      }
    },
  });
}

/** Runs the tests one after another. @returns `[name, error | undefined][]` */
export async function run(tests) {
  const results = [];
  for (const [name, test] of tests) {
    try {
      await test();
      results.push([name, null]);
    } catch (error) {
      results.push([name, `${error.message}\n${error.stack}`]);
    }
  }
  return results;
}

export function equal(found, expected) {
  const text = (value) => JSON.stringify(value, (_, v) => (v === undefined ? "<undefined>" : v === Number.POSITIVE_INFINITY ? "<infinity>" : v));
  if (text(found) !== text(expected)) throw new Error(`expected ${text(expected)}, found ${text(found)}`);
}

export function ok(condition, what = "condition") {
  if (!condition) throw new Error(`${what} does not hold`);
}

function fail(what) {
  throw new Error(what);
}
