// Route tables: what each demands of a request, alike on every runtime, and also when the core traps.
import { equal, ok } from "./suite.mjs";

/** What the key `plain` lacks. */
const STRONG = { permission: "cache.purge" };

/** @returns `[name, run][]` */
export function routeSuite({ createVerifier, protect, routes, staticSource, fixture, trapsOnPath }) {
  const { keys, start, life } = fixture;
  const bytes = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const bundle = (name) => bytes(fixture.snapshots[name].bundle);
  const edge = async (options = {}) => {
    const verifier = await createVerifier({ root: fixture.roots[0], source: staticSource(bundle("first")), refresh: { mode: "manual" }, now: () => (start + 10) * 1000, ...options });
    await verifier.refresh();
    return verifier;
  };
  const request = (path, method = "GET", key = "plain", more = {}) => new Request(`https://api.example.com${path}`, { method, headers: { "x-api-key": keys[key], ...more } });
  /** A request whose target no URL parser has touched. */
  const raw = (url, method = "GET") => ({ method, url, rawHeaders: ["x-api-key", keys.plain] });

  return Object.entries({
    async "a key that is for some services only passes where one of them is named, by the route or for the whole verifier"() {
      const codes = (verifier, requirement) => [
        verifier.verifyKey(keys.scoped, requirement).code,
        ...[requirement, () => requirement, routes({ default: requirement })].map((one) => verifier.verify(request("/v1", "GET", "scoped"), one).code),
      ];
      const all = (code) => Array(4).fill(code);
      const [open, cdn] = [await edge(), await edge({ service: "cdn" })];
      equal([codes(open, {}), codes(open, { permission: "cache.purge" }), codes(open, { service: "cdn" })], [all("scope_denied"), all("scope_denied"), all("valid")]);
      equal([codes(cdn, {}), codes(cdn, { permission: "cache.purge" }), codes(cdn, { service: "dns" })], [all("valid"), all("valid"), all("scope_denied")]);
      equal([open, cdn].map((verifier) => verifier.verify(request("/v1", "GET", "scoped")).code), ["scope_denied", "valid"]);
      for (const service of ["a b", "*", "", undefined, 7]) ok(await edge({ service }).then(() => false, ({ message }) => message.includes("service")));
    },

    async "routes: requests are judged by the most specific entry"() {
      const verifier = await edge();
      const table = routes({ "GET /admin": STRONG, "GET /admin/*": STRONG, "/admin": "deny", "/admin/*": "deny", "/admin/:name/photo": {}, "POST /zones": { permission: "zone.view", service: "cdn" }, "/closed": "deny", default: {} });
      const code = (...asked) => verifier.verify(request(...asked), table).code;
      equal([code("/"), code("/zones", "POST"), code("/admin/7/photo"), code("/admin/7/photo/x")], ["valid", "valid", "valid", "permission_denied"]);
      equal([code("/admin"), code("/admin/x", "PUT"), code("/closed"), code("/closed/x")], ["permission_denied", "permission_denied", "permission_denied", "valid"]);
      equal([code("/admin", "GET", "revoked"), code("/closed", "GET", "stranger")], ["revoked", "unknown"]);
      const purger = (path, method) => verifier.verify(request(path, method, "office"), table, { peer: "198.51.100.9" }).code;
      equal([purger("/admin"), purger("/admin/x", "HEAD"), purger("/admin/x", "PUT"), purger("/closed")], ["valid", "valid", "permission_denied", "permission_denied"]);
      equal(verifier.verify(request("/closed"), table).response().status, 403);
    },

    async "routes: no spelling of a path leads around its entry"() {
      const verifier = await edge();
      const entries = { "/admin": STRONG, "/admin/*": STRONG, "DELETE /keys/:id": "deny", default: {} };
      const table = routes(entries);
      const code = (asked) => verifier.verify(asked, table).code;
      const lenient = routes(entries, { router: "lenient" });
      const [denied, unclear] = ["permission_denied", "invalid_request"];
      for (const [path, any, known] of [["/ADMIN", unclear, denied], ["/admin/", unclear, denied], ["/%61dmin", unclear, unclear], ["/admin/%78", denied, denied], ["/aDmIn/x/", unclear, denied]]) {
        for (const asked of [request(path), raw(path)]) equal([path, code(asked), verifier.verify(asked, lenient).code], [path, any, known]);
      }
      for (const path of ["//admin", "/admin//x", "/x/..%2fadmin", "/admin%2fx", "/admin;x", "/admin%3bx", "/%2561dmin", "/x/%2e%2e/admin", "/admin%00", "/%e2%84%aa", "*"]) {
        equal([path, code(raw(path))], [path, unclear]);
      }
      equal(["/keys/7", "/keys/7/", "/keys/", "/keys"].map((path) => code(raw(path, "DELETE"))), [denied, unclear, unclear, "valid"]);
      equal(["delete", "Delete"].map((method) => code(raw("/keys/7", method))), [unclear, unclear]);
      const strict = routes(entries, { router: "strict" });
      equal(["/admin", "/ADMIN", "/admin/"].map((path) => verifier.verify(request(path), strict).code), [denied, "valid", unclear]);
      const below = routes({ "/admin/*": STRONG, default: {} });
      equal(["/admin", "/admin/x"].map((path) => verifier.verify(request(path), below).code), [unclear, denied]);
    },

    async "routes: behind protect, with a preflight"() {
      const verifier = await edge({ allowPreflight: true });
      const handler = protect(() => new Response("ok"), { verifier, requirement: routes({ "/public": {}, "/public/*": {}, default: "deny" }, { router: "lenient" }) });
      const status = async (...asked) => (await handler(request(...asked))).status;
      equal([await status("/public/x"), await status("/public"), await status("/PUBLIC/"), await status("/publicx"), await status("/")], [200, 200, 200, 403, 403]);
      const preflight = { origin: "https://a.example", "access-control-request-method": "PUT" };
      equal([await status("/x", "OPTIONS", "plain", preflight), await status("/x", "OPTIONS")], [200, 403]);
    },

    async "routes: numbers stay through updates and traps"() {
      let now = start + 10;
      const state = { bundle: bundle("first") };
      const verifier = await edge({ source: { bundle: async () => ({ bytes: state.bundle }) }, now: () => now * 1000, wasm: trapsOnPath });
      const asked = [
        [{ permission: "zone.view" }, "valid"], [routes({ "/v1": STRONG, default: { permission: "zone.edit" } }), "permission_denied"], [{ permission: "zone.edit" }, "permission_denied"],
        [routes({ "/v1": {}, default: STRONG }), "valid"], [STRONG, "permission_denied"], [{ service: "cdn" }, "valid"], [routes({ "/v1": { service: "dns" }, default: "deny" }), "valid"],
      ];
      const battery = (when) => {
        for (const [requirement, code] of asked) equal([when, verifier.verify(request("/v1"), requirement).code], [when, code]);
      };
      battery("at first");
      now = start + life / 2 + 10;
      state.bundle = bundle("second");
      equal([await verifier.refresh(), verifier.epoch], [true, 9]);
      asked.push([{ permission: "zone.delete" }, "permission_denied"], [routes({ "/V1": { permission: "zone.view" }, default: "deny" }, { router: "lenient" }), "valid"]);
      asked.reverse();
      battery("after an update");
      equal(verifier.verify(request("/v1"), () => ({})).code, "internal");
      await verifier.refresh().catch(() => {});
      equal([verifier.ready, verifier.epoch], [true, 9]);
      battery("after a trap");
    },

    async "routes: a table is for requests"() {
      const errors = [];
      const verifier = await edge({ onError: (error) => errors.push(error.code) });
      const table = routes({ default: {} });
      equal([verifier.verifyKey(keys.plain, table).code, verifier.verify(request("/"), () => table).code], ["bad_requirement", "bad_requirement"]);
      equal(verifier.verify(request("/"), Object.create(table)).code, "bad_requirement");
      const many = Object.fromEntries(Array.from({ length: 1025 }, (_, n) => [`/${n}`, {}]));
      const large = routes({ ...many, default: {} });
      equal([verifier.verify(request("/"), large).code, verifier.verify(request("/"), large).code, errors], ["bad_requirement", "bad_requirement", ["bad_requirement", "bad_requirement", "bad_requirement", "bad_routes"]]);
      equal(verifier.verify(request("/"), table).code, "valid");
    },

    async "routes: what is no table is refused when it is made"() {
      const made = (...given) => {
        try {
          routes(...given);
          return "made";
        } catch (error) {
          ok(error instanceof TypeError, error.stack);
          return error.message;
        }
      };
      for (const [given, message] of [
        [[], /plain object/], [[undefined], /plain object/], [[[]], /plain object/], [[new Map()], /plain object/], [[{ "/a": {} }], /default is missing/],
        [[{ default: undefined }], /^routes: "default": a requirement, `\{\}` for nothing more/], [[{ default: "allow" }], /"default": a requirement/], [[{ default: null }], /"default": a requirement/],
        [[{ "/a": undefined, default: {} }], /^routes: "\/a": a requirement/], [[{ "/a": () => ({}), default: {} }], /"\/a": a requirement/], [[{ "/a": routes({ default: {} }), default: {} }], /"\/a": a requirement/],
        [[{ "/a": { permission: undefined }, default: {} }], /"\/a": permission is undefined/], [[{ "/a": { permision: "x" }, default: {} }], /"\/a": unknown option "permision"; known are service, permission/],
        [[{ "/a": { permission: "a b" }, default: {} }], /"\/a": permission: a text like/], [[{ "/a": { service: "" }, default: {} }], /"\/a": service: a text/], [[{ "/a": { service: "a\n/b" }, default: {} }], /service: a text/],
        [[{ "GET /a ": {}, default: {} }], /`a `/], [[{ "/a\tdeny": {}, default: {} }], /`a\tdeny`/], [[{ "/a\n/b": {}, default: {} }], /"\/a\n\/b": a segment/],
        [[{ default: {} }, undefined], /plain object/], [[{ default: {} }, { router: "some" }], /`any`, `lenient` or `strict` is needed/], [[{ default: {} }, { router: undefined }], /router is undefined/], [[{ "get /a": {}, default: {} }], /"get \/a": methods are in upper case/], [[{ "/a": {}, "GET /A/b": {}, default: {} }], /another entry has `a` for `A`/], [[{ default: {} }, { sensitive: true }], /unknown option "sensitive"/],
      ]) ok(message.test(made(...given)), `${made(...given)} is not ${message}`);
      equal([made({ default: "deny" }), made({ default: {} }, {}), made({ "/a": {}, "/A/b": {}, default: {} }, { router: "strict" })], ["made", "made", "made"]);
    },
  });
}
