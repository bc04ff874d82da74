// What is a requirement, an option, an address, and what is not: the same on every entry, whatever lies on Object.prototype.
import { equal, ok } from "./suite.mjs";

class Needs {
  permission = "zone.view";
}
class Hidden {
  get permission() {
    return "zone.view";
  }
}

/** None of these is a requirement, though a key that is valid could fulfil most. */
export const ILL_FORMED = [
  ["undefined", undefined], ["null", null], ["a text", "zone.view"], ["an empty text", ""], ["a number", 7], ["true", true], ["a symbol", Symbol("x")],
  ["an array", []], ["an array of one", [{}]], ["a promise", Promise.resolve({})], ["a map", new Map()], ["a date", new Date()], ["an error", new Error("x")],
  ["an instance", new Needs()], ["an instance with a getter", new Hidden()], ["an heir", Object.create({ permission: "zone.view" })],
  ["an heir of nothing", Object.create(Object.create(null, { permission: { value: "zone.view" } }))],
  ["permission: undefined", { permission: undefined }], ["permission: null", { permission: null }], ["permission: 7", { permission: 7 }], ["permission: []", { permission: [] }],
  ["an empty permission", { permission: "" }], ["a permission with a blank", { permission: "a b" }], ["a long permission", { permission: "a".repeat(20_000) }],
  ["service: undefined", { service: undefined }], ["service: undefined beside a permission", { service: undefined, permission: "zone.view" }],
  ["a hidden undefined", Object.defineProperty({}, "permission", { value: undefined })],
  ["a misspelt permission", { permision: "zone.view" }], ["a misspelt one beside the right one", { permission: "zone.view", services: "cdn" }],
  ["what RULES.__proto__ finds", Object.prototype], ["an array's prototype", Array.prototype], ["a map's prototype", Map.prototype], ["a class's prototype", class {}.prototype],
  ["Math", Math], ["JSON", JSON], ["Reflect", Reflect], ["arguments", (function () { return arguments; })()],
  ["a misspelt one beside both", { permission: "zone.view", service: "cdn", ips: [] }], ["a misspelt undefined", { permision: undefined }],
];

/** Requirements that the key `plain` fulfils. */
export const WELL_FORMED = [
  ["nothing more", {}], ["nothing more, inheriting nothing", Object.create(null)], ["a permission", { permission: "zone.view" }], ["a service", { service: "cdn" }],
  ["both", { permission: "zone.view", service: "cdn" }], ["frozen", Object.freeze({ permission: "zone.view" })], ["a getter of its own", { get permission() { return "zone.view"; } }],
  ["inheriting nothing", Object.assign(Object.create(null), { permission: "zone.view" })],
];

const OFFICE = "198.51.100.9";
/** What a fault elsewhere could leave on Object.prototype. */
const POLLUTION = {
  permission: "zone.delete", service: "nowhere", permision: "x", ip: OFFICE, peer: OFFICE, proxyLine: `PROXY TCP4 ${OFFICE} 10.0.0.1 1 1`, waitUntil: () => { throw new Error("waitUntil"); },
  socket: { remoteAddress: OFFICE }, remoteAddress: OFFICE, server: { maxHeadersCount: 0 }, maxHeadersCount: 0, remoteAddr: { hostname: OFFICE }, originalUrl: "/public", rawHeaders: ["x-api-key", "x"], requirement: { permission: "zone.delete" },
  minEpoch: 99, graceSeconds: 1, clientIp: "hops=1", credentials: ["x-api-key"], query: "key", maskIp: true, allowPreflight: true, floor: { rootVersion: 9, epoch: 99 },
  pepper: new Uint8Array(16), refresh: { mode: "never" }, interval: -1, maxBackoff: -1, deadline: -1, mode: "never", usage: 7, realm: "other",
  onVerdict: () => { throw new Error("hook"); }, now: () => 0, wasm: 7, describe: 7, maxBytes: 1, country: "CH", cf: { country: "CH" },
};

async function polluted(name, run) {
  Object.prototype[name] = POLLUTION[name];
  try {
    return await run();
  } finally {
    delete Object.prototype[name];
  }
}

/** @returns `[name, run][]` */
export function requirementSuite({ createVerifier, protect, staticSource, fixture }) {
  const { keys, start } = fixture;
  const bundle = Uint8Array.from(atob(fixture.snapshots.first.bundle), (character) => character.charCodeAt(0));
  const base = { root: fixture.roots[0], source: staticSource(bundle), refresh: { mode: "manual" }, now: () => (start + 10) * 1000 };
  const edge = async (options = {}) => {
    const verifier = await createVerifier({ ...base, ...options });
    await verifier.refresh();
    return verifier;
  };
  const bearer = (key, path = "/v1") => new Request(`https://api.example.com${path}`, { headers: { authorization: `Bearer ${keys[key]}` } });
  const onSocket = (key, address, url = "/v1") => ({ method: "GET", url, rawHeaders: ["x-api-key", keys[key]], ...(address && { socket: { remoteAddress: address } }) });

  return Object.entries({
    async "requirements: what is none demands nothing on no entry"() {
      const verifier = await edge();
      const protecting = async (requirement) => {
        let called = false;
        const reply = await protect(() => ((called = true), new Response("ok")), { verifier, requirement })(bearer("plain"));
        return called ? "valid" : (await reply.json()).type;
      };
      for (const [what, value] of ILL_FORMED) {
        equal([what, verifier.verifyKey(keys.plain, value).code], [what, "bad_requirement"]);
        equal([what, verifier.verify(bearer("plain"), value).code], [what, "bad_requirement"]);
        equal([what, verifier.verify(onSocket("plain", OFFICE), value).code], [what, "bad_requirement"]);
        equal([what, verifier.verify(bearer("plain"), () => value).code], [what, "bad_requirement"]);
        equal([what, await protecting(value)], [what, "urn:edgelatch:problem:bad-requirement"]);
        equal([what, await protecting(() => value)], [what, "urn:edgelatch:problem:bad-requirement"]);
      }
      const more = [["a function", () => ({})], ["a function", () => () => ({})], ["an address", { ip: OFFICE }], ["no address", { ip: undefined }]];
      for (const [what, value] of more) equal([what, verifier.verify(bearer("plain"), () => value).code], [what, "bad_requirement"]);
      for (const [what, value] of more.slice(0, 2)) equal([what, verifier.verifyKey(keys.plain, value).code], [what, "bad_requirement"]);
      for (const [what, value] of more.slice(2)) equal([what, verifier.verify(bearer("plain"), value).code], [what, "bad_requirement"]);
      for (const [what, value] of WELL_FORMED) {
        const codes = [verifier.verifyKey(keys.plain, value).code, verifier.verify(bearer("plain"), value).code, verifier.verify(bearer("plain"), () => value).code, await protecting(value)];
        equal([what, ...codes], [what, "valid", "valid", "valid", "valid"]);
      }
      equal([verifier.verifyKey(keys.plain).code, verifier.verify(bearer("plain")).code], ["valid", "valid"]);
      equal((await protect(() => new Response("ok"), { verifier })(bearer("plain"))).status, 200);
      equal([verifier.verifyKey(keys.office, { ip: undefined }).code, verifier.verifyKey(keys.office, { ip: OFFICE }).code], ["ip_unknown", "valid"]);
    },

    async "requirements: an address that is not known is not the socket's"() {
      const verifier = await edge();
      const from = (...context) => verifier.verify(onSocket("office", OFFICE), {}, ...context).code;
      equal([verifier.verify(onSocket("office", OFFICE)).code, from(), from({}), from({ waitUntil: undefined }), from({ peer: OFFICE })], Array(5).fill("valid"));
      class Context {
        waitUntil() {}
      }
      const unknown = [{ peer: undefined }, undefined, null, { ip: OFFICE }, { peers: OFFICE }, new Context(), Object.create({ peer: OFFICE }), [], OFFICE, () => {}];
      for (const context of unknown) equal([typeof context, from(context)], [typeof context, "ip_unknown"]);
      equal([verifier.verify(bearer("office"), {}, { peer: OFFICE }).code, verifier.verify(bearer("office")).code], ["valid", "ip_unknown"]);
      equal(verifier.verify(onSocket("plain", OFFICE), {}, undefined).code, "valid");
      const proxied = await edge({ clientIp: "proxy_protocol=trust:10.0.0.0/8" });
      const through = (context) => proxied.verify(onSocket("office", "10.0.0.1"), {}, context).code;
      equal([through({ proxyLine: `PROXY TCP4 ${OFFICE} 10.0.0.1 1 1` }), through({ proxyLine: undefined }), through({})], ["valid", "ip_unknown", "ip_unknown"]);
    },

    async "requirements: what lies on Object.prototype neither adds nor removes anything"() {
      const verifier = await edge();
      const [office, plain, preflight] = [bearer("office"), bearer("plain"), new Request("https://h/", { method: "OPTIONS" })];
      const battery = async () => {
        const told = [];
        const made = await edge({ usage: { record: ({ ip, country, endpoint }) => told.push([ip, country, endpoint]) } });
        const seen = [];
        const codes = [
          verifier.verifyKey(keys.office), verifier.verifyKey(keys.office, {}), verifier.verifyKey(keys.office, Object.create(null)), verifier.verifyKey(keys.office, { ip: OFFICE, service: "dns" }),
          verifier.verifyKey(keys.plain), verifier.verifyKey(keys.plain, { permission: "zone.view" }), verifier.verifyKey(keys.plain, { permission: "zone.delete" }), verifier.verifyKey(keys.plain, { service: "cdn" }),
          verifier.verify(office), verifier.verify(office, {}), verifier.verify(office, () => ({})), verifier.verify(plain, {}, {}), verifier.verify(plain, { permission: "zone.delete" }), verifier.verify(plain, {}, { waitUntil: undefined }),
          verifier.verify(onSocket("office")), verifier.verify(onSocket("office"), {}, { peer: undefined }), verifier.verify(onSocket("office"), {}, {}),
          verifier.verify(onSocket("plain", undefined, "/admin"), ({ path }) => (seen.push(path), {})), verifier.verify({ method: "GET", url: "/", rawHeaders: [] }),
          verifier.verify({ ...onSocket("plain"), rawHeaders: Array(2000).fill("x") }), verifier.verify({ ...onSocket("plain"), rawHeaders: Array(2000).fill("x"), socket: { server: {} } }),
        ].map(({ code }) => code);
        const handler = protect(() => new Response("ok"), { verifier: made });
        const statuses = [await handler(plain), await handler(office), await handler(office, {}, {}), await handler(preflight)].map(({ status }) => status);
        made.verifyKey(keys.plain).report({ status: 200 });
        return [codes, seen, statuses, told, made.epoch, made.verifyKey(keys.dual).reply.status, made.usage === undefined];
      };
      const clean = await battery();
      equal(clean.slice(1, 3), [["/admin"], [200, 403, 403, 401]]);
      for (const name of Object.keys(POLLUTION)) {
        const found = await polluted(name, battery).catch((error) => `${error.stack}`);
        equal([name, found], [name, clean]);
      }
    },

    async "options: without which less is protected are no `undefined`"() {
      const refused = (options) => createVerifier({ ...base, ...options }).then(() => undefined, (error) => error);
      const tight = ["refresh", "minEpoch", "clientIp", "credentials", "maskIp", "floor", "pepper"].map((name) => [name, { [name]: undefined }]);
      for (const name of ["interval", "maxBackoff", "deadline", "mode"]) tight.push([name, { refresh: { [name]: undefined } }]);
      for (const name of ["trust", "hops", "platform", "header"]) tight.push([name, { clientIp: { hops: 1, [name]: undefined } }]);
      for (const [name, options] of tight) {
        const error = await refused(options);
        ok(error instanceof TypeError && error.message.includes(`${name} is undefined: leave it out, or give `), `${name}: ${error?.message}`);
      }
      const free = Object.fromEntries(["graceSeconds", "query", "allowPreflight", "usage", "onVerdict", "onError", "wasm"].map((name) => [name, undefined]));
      equal(await refused(free), undefined);
      class Settings {
        root = base.root;
        source = base.source;
        get maskIp() {
          return true;
        }
      }
      for (const wrong of [new Settings(), Object.create(base), undefined, null, "x", []]) {
        const error = await createVerifier(wrong).then(() => undefined, (thrown) => thrown);
        ok(error instanceof TypeError && /plain object/.test(error.message), error?.message);
      }
      for (const wrong of [{ verifier: 1, requirements: {} }, new Settings(), undefined]) {
        let error;
        try { protect(() => {}, wrong); } catch (thrown) { error = thrown; }
        ok(error instanceof TypeError && /^protect: (unknown option "requirements"|a plain object)/.test(error.message), error?.message);
      }
    },
  });
}
