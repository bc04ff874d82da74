import { OptionError, type UsageError } from "../errors.js";
import { systemClock } from "../util/clock.js";
import { isSealed } from "../util/fetching.js";
import { quietly } from "../util/hook.js";
import { type Options, optionsOf, UNCHECKED } from "../util/options.js";
import { warner } from "../util/warn.js";
import { boundsOf } from "./bounds.js";
import { EdgeReports } from "./edge.js";
import type { EdgeState, UsageDetails, UsageEvent, UsageSink } from "./event.js";
import { Outbox } from "./outbox.js";
import { poster } from "./post.js";
import type { UsageStats } from "./queue.js";
import { eventWriter } from "./wire.js";

/** Options of {@link usageReporter}. An unknown one is a `TypeError`, and so is a bound or `describe` that is `undefined`. */
export interface UsageOptions {
  /** Base address of the control plane's API, such as `https://keys.example.com`. `http:` on the loopback only. */
  readonly url: string | URL;
  /** Realm whose keys the events are about. */
  readonly realm: string;
  /** A key of the management realm whose role is `edge`: it can report and nothing else. */
  readonly key: string;
  /** What this edge is called in the list of the fleet, such as `fra-1`: one line of up to 128 bytes. Instances may share it. */
  readonly edge?: string;
  /** Whether requests are reported; `false` reports only which epoch the edge serves by. Default `true`. */
  readonly events?: boolean;
  /** Events of one batch at most, 1 to 10 000. A batch that is full is sent at once. Default 1000. */
  readonly maxBatch?: number;
  /** Milliseconds that an event waits for its batch to fill, at most. From 1; default 5000. */
  readonly maxAge?: number;
  /** Events that wait at most, 1 to 1 000 000, those of the batch under way included; further ones are dropped and counted. Default 10 000. */
  readonly maxQueue?: number;
  /** Milliseconds after which one attempt is given up. From 1; default 10 000. */
  readonly deadline?: number;
  /** Longest pause after failures, milliseconds; pauses double up to it. From 1; default 60 000. */
  readonly maxBackoff?: number;
  /** Says what only the host knows of a request: the path's template, the client's address. See {@link UsageSink.describe}. */
  // `any`: each host has its own type of request.
  readonly describe?: (request: any) => UsageDetails | undefined;
  /** Called when an attempt fails, a batch is refused, or the first event finds no room. What it throws is discarded. Default: `console.warn`, for each `code` at most once a minute. */
  readonly onError?: ((error: UsageError) => void) | undefined;
  /** Used instead of the global `fetch`. */
  readonly fetch?: typeof fetch | undefined;
}

/** Sends usage events to the control plane. */
export interface UsageReporter extends UsageSink {
  /** Realm whose keys the events are about. */
  readonly realm: string;
  /** What became of events so far. */
  readonly stats: UsageStats;
  /**
   * Sends what waits now. Resolves to `true` when the control plane has answered for all of it, to `false` after the first
   * attempt that failed: then it goes on waiting and is tried again. Never rejects.
   */
  flush(): Promise<boolean>;
  /**
   * For a shutdown: takes no more events, tries to send those that wait for about one `deadline`, drops the rest, and tells the control
   * plane that this edge ends. Never rejects.
   */
  close(): Promise<void>;
}

const WHOLE = "a whole number";
const OPTIONS: Options<UsageOptions> = {
  url: UNCHECKED, realm: UNCHECKED, key: UNCHECKED, edge: "its name", events: "true or false", maxBatch: WHOLE, maxAge: WHOLE, maxQueue: WHOLE, deadline: WHOLE, maxBackoff: WHOLE,
  describe: "a function", onError: UNCHECKED, fetch: UNCHECKED,
};

/**
 * Reports to the control plane which key was used for what: give it to `createVerifier` as `usage`. Events are sent in
 * batches after the responses; a failing control plane costs a bounded queue, never a request. It also tells which epoch
 * serves, which `edgelatch fleet` shows.
 *
 * ```ts
 * const usage = usageReporter({ url: "https://keys.example.com", realm: "acme", key: env.EDGELATCH_USAGE_KEY });
 * const verifier = await createVerifier({ root, source, usage });
 * ```
 *
 * Throws a `TypeError` for an option that is not well formed.
 *
 * @param given where to, by which key
 * @returns for the option `usage`
 */
export function usageReporter(given: UsageOptions): UsageReporter {
  const options = optionsOf("usageReporter", given, OPTIONS);
  const { realm, key, edge: name, events = true, onError = warner(systemClock), describe, fetch: ask = (...args) => fetch(...args) } = options;
  if (typeof realm !== "string" || !/^[a-z0-9][a-z0-9._-]*$/.test(realm)) throw new OptionError("realm: a realm's name is needed, such as acme");
  // Not repeated: a wrong key may be another one.
  if (typeof key !== "string" || !/^[!-~]{1,512}$/.test(key)) throw new OptionError("key: the text of a management key is needed, without spaces");
  if (name !== undefined && !isName(name)) throw new OptionError("edge: a name in one line of up to 128 bytes is needed, such as fra-1");
  if (typeof events !== "boolean") throw new OptionError("events: true or false is needed");
  const bounds = boundsOf(options);
  const { deadline } = bounds;
  const report = (error: UsageError) => quietly(onError as (error: UsageError) => void, error);
  const to = (what: string) => poster({ url: ingest(options.url, realm, what), key, deadline, fetch: ask }, systemClock);
  // Drawn with the first event: Workers draw nothing in the global scope.
  let [prefix, count, malformed] = ["", 0, 0];
  const write = eventWriter();
  const [outbox, tell] = [new Outbox(to("usage"), bounds, report, systemClock), to("edges")];
  const edges: EdgeReports[] = [];

  return {
    realm,
    events,
    ...(describe === undefined ? {} : { describe }),
    record(event: UsageEvent, waitUntil) {
      if (prefix === "") prefix = crypto.randomUUID().slice(0, 13);
      // Written at once: its sender may change its object, and a text waits with less in memory.
      const text = write(event, `${prefix}-${(++count).toString(36)}`);
      if (text === undefined) malformed++;
      else outbox.add(text, waitUntil);
    },
    get stats() {
      const { dropped, ...rest } = outbox.stats;
      return { ...rest, dropped: dropped + malformed };
    },
    watch(edge: EdgeState) {
      const watched = new EdgeReports(tell, name, edge, deadline, report, systemClock);
      edges.push(watched);
      return watched;
    },
    flush: () => outbox.flush(),
    close: async () => void (await Promise.all([outbox.close(), ...edges.map((edge) => edge.close())])),
  };
}

/** One line without control characters or blanks at its ends, as the control plane takes names. */
function isName(name: unknown): boolean {
  return typeof name === "string" && name !== "" && name.trim() === name && !/\p{Cc}/u.test(name) && new TextEncoder().encode(name).length <= 128;
}

/** The address that reports of a kind go to. The key must not travel in the clear. */
function ingest(base: string | URL, realm: string, what: string): URL {
  const url = new URL(base);
  if (!isSealed(url)) throw new OptionError("url: https: is needed, except on the loopback");
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") throw new OptionError("url: no credentials, query or fragment can be part of it");
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/api/v1/realms/${realm}/${what}`;
  return url;
}
