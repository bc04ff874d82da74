// What every host serves: the same routes, each behind a check of its own. Read by serve.mjs in whatever runtime it runs.
import { readFileSync } from "node:fs";
import { createVerifier, routes, staticSource } from "edgelatch";

const { keys, roots, snapshots, start } = JSON.parse(readFileSync(new URL("../runtimes/fixture.json", import.meta.url), "utf8"));
export const NEED = { permission: "zone.view" };
/** What none of the keys has. */
export const STRONG = { permission: "cache.purge.everything" };

const events = [];
const errors = [];
const common = {
  root: roots[0],
  source: staticSource(Buffer.from(snapshots.first.bundle, "base64")),
  now: () => (start + 10) * 1000,
  usage: { record: ({ status, code, method, endpoint, ip }) => events.push({ status, code, method, endpoint, ip }) },
  onError: (error) => errors.push(error),
};
const verifier = await createVerifier(common);
const trusting = await createVerifier({ ...common, clientIp: { trust: ["127.0.0.0/8"] } });
const table = routes({ "/sub/inner/*": NEED, "/sub/strong": STRONG, default: "deny" });

/**
 * The routes. `options(host)` are those of the check, in the words of a host: `host.respond(given, status, text)` answers, and `host.header(given, name)`
 * reads, where `given` is what the host's handlers get. `handle(facts)` gives text or a list of pieces to send; its facts are the verdict, the names of
 * the request's headers, `body()` and `object`, the framework's own.
 */
export const ROUTES = [
  { path: "/hello", options: () => ({ verifier, requirement: NEED }), handle: ({ verdict }) => `hello ${verdict.name}` },
  { path: "/strong", options: () => ({ verifier, requirement: STRONG }), handle: () => "secret" },
  {
    path: "/by-request",
    options: ({ header }) => ({ verifier, requirement: (info, ...given) => (info.path === "/by-request" && header(given, "x-need") === "view" ? NEED : STRONG) }),
    handle: () => "seen",
  },
  {
    path: "/throws",
    options: () => ({ verifier, requirement: NEED }),
    handle: () => {
      throw new Error("boom");
    },
  },
  { path: "/stream", options: () => ({ verifier, requirement: NEED }), handle: () => ["one ", "two ", "three"] },
  { path: "/echo", method: "POST", options: () => ({ verifier, requirement: NEED }), handle: async ({ body }) => `echo ${await body()}` },
  { path: "/own", options: ({ respond }) => ({ verifier, requirement: NEED, refuse: (verdict, ...given) => respond(given, 418, `own ${verdict.code}`) }), handle: () => "secret" },
  {
    path: "/own-throws",
    options: () => ({
      verifier,
      refuse: (verdict) => {
        throw new Error(`refused ${verdict.code}`);
      },
    }),
    handle: () => "secret",
  },
  { path: "/own-nothing", options: () => ({ verifier, refuse: async () => undefined }), handle: () => "secret" },
  { path: "/optional", options: () => ({ verifier, requirement: NEED, optional: true }), handle: ({ verdict }) => (verdict.ok ? `hello ${verdict.name}` : "hello anonymous") },
  { path: "/address", options: () => ({ verifier: trusting }), handle: () => "near" },
  { path: "/direct", options: () => ({ verifier }), handle: () => "near" },
  { path: "/context", options: () => ({ verifier, context: () => ({ peer: "198.51.100.9" }) }), handle: () => "near" },
  {
    path: "/unmade",
    options: () => ({
      verifier: async () => {
        throw new Error("no verifier");
      },
    }),
    handle: () => "secret",
  },
  { path: "/made", options: () => ({ verifier: async () => verifier, requirement: NEED }), handle: ({ verdict }) => `hello ${verdict.name}` },
  { path: "/names", options: () => ({ verifier }), handle: ({ names }) => names.filter((name) => /edgelatch/i.test(name)).join(" ") || "none" },
  {
    path: "/object",
    options: () => ({ verifier }),
    handle: ({ object }) => {
      errors.length = 0;
      const verdict = verifier.verify(object);
      return verdict.ok ? verdict.code : `${verdict.code} ${verdict.reply.status} ${errors[0]?.message}`;
    },
  },
];

/** A router below `/sub`, behind a check with a table that stands before it; its own path is `/inner/:name`. */
export const SUB = { options: () => ({ verifier, requirement: table }), handle: ({ verdict }) => `inner ${verdict.name}` };

/** What is told of errors: by the error handling of the host. */
export const HANDLED = 555;
export const handled = (error) => `handled ${error.message}`;

/** What was reported since it was asked last. */
export const takeEvents = () => JSON.stringify(events.splice(0));
export { keys, verifier };
