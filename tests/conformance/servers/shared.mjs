// What the four test servers have in common: a listener's configuration text becomes options and a requirement.
// README.md beside this file describes the programs from outside.
import { staticSource } from "edgelatch";

const MONTH = 30 * 24 * 3600;
const EXPORTS_THAT_JUDGE = ["verify_key", "verify_block"];
export { EXPORTS_THAT_JUDGE };

/**
 * @param listener `{ name, config, need }`
 * @param objects `{ root, bundle }` as bytes
 * @param clock `{ now, expiredNow }` in seconds, `now` absent for the real clock
 * @param host `{ clientIp, trap }`: the rule of the host, and how it comes by a module that traps
 */
export async function listenerOptions(listener, objects, clock, host) {
  const options = {
    root: objects.root,
    source: staticSource(objects.bundle),
    clientIp: host.clientIp,
    refresh: { mode: host.mode ?? "manual" },
    onError: (error) => console.error(`${listener.name}: ${error.message}`),
  };
  let now = clock.now;
  for (const item of items(listener.config ?? "default")) {
    const [key, value] = item.split(/=(.*)/s);
    switch (key) {
      case "default":
        break;
      case "sources":
        options.credentials = value.split(",");
        break;
      case "query":
        options.query = value;
        break;
      case "mask_ip":
        options.maskIp = value === "on";
        break;
      case "allow_preflight":
        options.allowPreflight = value === "on";
        break;
      case "client_ip":
        options.clientIp = value.replaceAll("&", ";");
        break;
      case "snapshot":
        if (value === "none") options.source = { bundle: async () => undefined };
        else now = clock.expiredNow;
        if (value === "expired-in-grace") options.graceSeconds = MONTH;
        break;
      case "clock":
        now = 0;
        break;
      case "core":
        options.wasm = await host.trap();
        break;
      default:
        throw new Error(`${listener.name}: unknown configuration ${JSON.stringify(item)}`);
    }
  }
  return { options, now, requirement: requirement(listener) };
}

/** Loads under the clock at which the snapshot is good, then lets time be what the row wants. */
export async function load(createVerifier, { options, now }, loadedAt) {
  const judging = () => (now === undefined ? Date.now() : now * 1000);
  let clock = () => (loadedAt === undefined ? Date.now() : loadedAt * 1000);
  const verifier = await createVerifier({ ...options, now: () => clock() });
  await verifier.refresh().catch(() => {});
  clock = judging;
  return verifier;
}

/** The handler that is protected: it tells that it was reached, and whether it saw a header that only we may set. */
export function answer(method, headerNames) {
  const headers = { "content-type": "text/plain", "x-handler": "reached" };
  const leaked = headerNames.filter((name) => name.toLowerCase().startsWith("x-edgelatch-"));
  if (leaked.length > 0) headers["x-leak"] = leaked.join(" ");
  return method === "OPTIONS" ? { status: 204, headers, body: null } : { status: 200, headers, body: "ok\n" };
}

function items(config) {
  if (config === "cache check" || config === "response check") return ["default"];
  return config.split(/[;\s]+/).filter((item) => item !== "");
}

const READS = ["GET", "HEAD", "OPTIONS"];

function requirement({ need }) {
  switch (need) {
    case undefined:
      return {};
    case "undefined":
      return { permission: undefined };
    case "by method":
      return ({ method }) => ({ permission: READS.includes(method) ? "read" : "write" });
    case "by path":
      return ({ path }) => ({ permission: /^\/admin(\/|$)/.test(path) ? "write" : "read" });
    default:
      return { permission: need };
  }
}
