// `edge.mjs DIR off|on`, forked by `run.mjs`: an edge in a process of its own, as it is in production, with usage reports or without. Each
// message names a case, and is answered with microseconds a request over the sample.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { usageReporter } from "edgelatch";
import { REQUIREMENT, verifierOf } from "../realm.mjs";

/** Requests of one round at least. */
const REQUESTS = 20_000;
/** Events of one round at most. */
const ROOM = 100_000;

const [dir, reports] = process.argv.slice(2);
const sample = JSON.parse(readFileSync(join(dir, "sample.json"), "utf8"));

/** Reports as on every edge, but with nobody behind them: what sending costs beyond the edge's own work is not measured. */
const usage =
  reports === "on"
    ? usageReporter({
        url: "http://127.0.0.1", realm: "cases", key: "elm_sk_bench", maxQueue: ROOM,
        fetch: async () => new Response("{}"),
        onError: (error) => {
          throw error;
        },
      })
    : undefined;
const verifier = await verifierOf(dir, usage === undefined ? {} : { usage });

/** Other lines of a request, such as browsers and proxies in front send. */
const other = (n) => [`X-Trace-Field-${n}`, `value-${n}-of-some-length`];

/** A request as Node hands it to a handler for each key of the sample, of so many header lines, from an address that the key may be used from. */
function requests(lines) {
  const more = Array.from({ length: lines - 3 }, (_, n) => other(n)).flat();
  return sample.map(([text, ip]) => {
    const rawHeaders = ["Host", "api.example.com", "User-Agent", "client/1.0", ...more, "Authorization", `Bearer ${text}`];
    return { method: "GET", url: "/zones?page=2", rawHeaders, socket: { remoteAddress: ip, server: { maxHeadersCount: null } } };
  });
}

const made = new Map();
const chosen = () => REQUIREMENT;

async function round({ lines, requirement }) {
  if (!made.has(lines)) made.set(lines, requests(lines));
  const all = made.get(lines);
  const need = requirement === "function" ? chosen : REQUIREMENT;
  const begin = performance.now();
  let done = 0;
  for (; done < REQUESTS; done += all.length) {
    for (const request of all) {
      const verdict = verifier.check(request, need);
      if (!verdict.ok || verdict.keyId === undefined) throw new Error(`a good key was ${verdict.code}`);
      verdict.report({ status: 200 });
    }
  }
  if (usage !== undefined && (!(await usage.flush()) || usage.stats.dropped > 0)) throw new Error(`${usage.stats.dropped} usage events were dropped`);
  return (1000 * (performance.now() - begin)) / done;
}

process.on("message", async (what) => process.send(await round(what)));
process.on("disconnect", () => process.exit());
