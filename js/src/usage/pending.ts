/** Between a verdict and the event that reports it: what is known of the request then, and what the host adds later. */
import type { Serving } from "../engine/serving.js";
import { OptionError } from "../errors.js";
import type { WaitUntil } from "../refresh/single-flight.js";
import type { VerifierOptions } from "../types/options.js";
import type { NodeRequest } from "../types/verifier.js";
import { quietly } from "../util/hook.js";
import { INHERITED, own, ownCopy, ownValue } from "../util/own.js";
import type { Verdict } from "../types/verdict.js";
import type { EdgeState, EdgeWatch, UsageDetails, UsageOutcome, UsageSink } from "./event.js";
import { MAX_ENDPOINT } from "./wire.js";

/** What a verifier with a sink hands to each verdict. */
export interface Reporting {
  readonly sink: UsageSink;
  readonly engine: Serving;
}

/** The request behind a verdict, as far as it is known when it is judged. */
export interface JudgedRequest {
  /** Unix seconds. */
  readonly at: number;
  readonly method: string | undefined;
  readonly target: string | undefined;
  /** Nothing for a verdict over a bare key. */
  readonly request: Request | NodeRequest | undefined;
  /** The public id of the key that was found. That of a bare key is asked of its verdict. */
  readonly keyId: string | undefined;
  /** The client's address. */
  readonly ip: string | undefined;
  readonly waitUntil: WaitUntil | undefined;
}

/** Of a bare key, and of what is no request. */
export const NO_REQUEST: Omit<JudgedRequest, "at"> = { method: undefined, target: undefined, request: undefined, keyId: undefined, ip: undefined, waitUntil: undefined };

/** What the options say of reporting. */
export function reportingOf({ usage }: VerifierOptions, engine: Serving): Reporting | undefined {
  if (usage === undefined) return undefined;
  if (typeof usage?.record !== "function") throw new OptionError("usage: usageReporter(…) or an object with a record() method is needed");
  const realm = own(usage, "realm");
  if (realm !== undefined && realm !== engine.realm) throw new OptionError(`usage: it is for the realm ${realm}, the root is of ${engine.realm}`);
  return own(usage, "events") === false ? undefined : { sink: usage, engine };
}

/**
 * Lets the sink, if it wants to, watch a verifier. Whatever goes wrong in there must not touch a request.
 *
 * @param platform keeps background work alive for requests that come without a `waitUntil` of their own
 */
export function watchOf({ usage }: VerifierOptions, engine: Serving, mode: EdgeState["mode"], now: () => number, platform?: WaitUntil): EdgeWatch | undefined {
  const edge: EdgeState = {
    mode,
    get epoch() { return engine.snapshot.epoch; },
    get issuedAt() { return engine.snapshot.issuedAt; },
    get rootVersion() { return engine.snapshot.rootVersion; },
    get at() { return now(); },
  };
  const watch = usage === undefined ? undefined : own(usage, "watch")?.call(usage, edge);
  return watch && { refreshed: () => quietly(() => watch.refreshed(), undefined), touch: (given) => quietly(() => watch.touch(given ?? platform), undefined) };
}

/** An event that waits for the status of its response. It is recorded once. */
export class PendingEvent {
  readonly #judged: JudgedRequest;
  #reporting: Reporting | undefined;
  #details: UsageOutcome | undefined;

  constructor(reporting: Reporting, judged: JudgedRequest) {
    this.#reporting = reporting;
    this.#judged = judged;
  }

  /** Reports in the place of an earlier verdict over the same request, and by what was said of it, so that the request counts once. */
  supersede(earlier: PendingEvent): void {
    if (this.#reporting === undefined || earlier.#reporting?.sink !== this.#reporting.sink) return;
    this.#details = earlier.#details;
    earlier.#reporting = undefined;
  }

  /** Records the event once the status is known. Whatever goes wrong here must not touch the request. */
  report(verdict: Verdict, outcome: UsageOutcome): void {
    const reporting = this.#reporting;
    if (reporting === undefined) return;
    try {
      // Most are reported once, with a status, which is all that is said of them.
      const details = this.#details === undefined ? outcome : merged(this.#details, outcome);
      const status = ownValue(details, "status", details.status, INHERITED.status) ?? (verdict.ok || verdict.preflight ? undefined : verdict.reply.status);
      if (status === undefined) {
        this.#details = merged(NOTHING, details);
        return;
      }
      this.#reporting = undefined;
      this.#record(reporting.sink, verdict, status, details);
    } catch {
      // a sink or a hook of the host's
    }
  }

  #record(sink: UsageSink, verdict: Verdict, status: number, details: UsageOutcome): void {
    const { at, method, target, keyId, ip, request, waitUntil } = this.#judged;
    const hints = described(sink, request);
    const given = hints === undefined ? details : merged(hints, details);
    const event = {
      keyId: request === undefined ? keyIdOf(verdict) : keyId,
      at,
      method: kept(ownValue(given, "method", given.method, INHERITED.method)) ?? method ?? "-",
      endpoint: kept(ownValue(given, "endpoint", given.endpoint, INHERITED.endpoint)) ?? (target === undefined ? "-" : pathOf(target)),
      ip: kept(ownValue(given, "ip", given.ip, INHERITED.ip)) ?? ip,
      country: kept(ownValue(given, "country", given.country, INHERITED.country)) ?? countryOf(request),
      status,
      code: verdict.code,
      event: kept(ownValue(given, "event", given.event, INHERITED.event)),
    };
    sink.record(event, ownValue(details, "waitUntil", details.waitUntil, INHERITED.waitUntil) ?? waitUntil);
  }
}

const NOTHING: UsageOutcome = {};

/** On Workers `cf` is the platform's own object, into which nothing gets that a client sends. */
function countryOf(request: JudgedRequest["request"]): string | undefined {
  const country = own(own(request as { cf?: { country?: unknown } } | undefined, "cf"), "country");
  return typeof country === "string" ? country : undefined;
}

function described(sink: UsageSink, request: Request | NodeRequest | undefined): UsageDetails | undefined {
  try {
    return request === undefined ? undefined : ownValue(sink, "describe", sink.describe, INHERITED.describe)?.call(sink, request);
  } catch {
    return undefined;
  }
}

/** What is said later counts, where it says anything. */
function merged(before: UsageOutcome, later: UsageOutcome): UsageOutcome {
  return ownCopy(before, Object.fromEntries(Object.entries(later).filter(([, value]) => value !== undefined)));
}

/** Characters up to which a target may stay in memory for the path that it begins with. */
const SHORT = 256;

function pathOf(target: string): string {
  const end = target.search(/[?#]/);
  const path = end < 0 ? target : target.slice(0, end);
  return target.length <= SHORT ? path : copied(path.slice(0, MAX_ENDPOINT));
}

/** What the host says may be a part of a header line, and waits for its batch. */
function kept<T>(said: T): T {
  return typeof said === "string" ? (copied(said.slice(0, MAX_ENDPOINT)) as T) : said;
}

/** A text that keeps no longer one in memory, of which it was a part. */
function copied(text: string): string {
  return new TextDecoder().decode(new TextEncoder().encode(text));
}

/** Gone when the core stopped before the identity was read. */
function keyIdOf(verdict: Verdict): string | undefined {
  try {
    const { keyId } = verdict;
    return keyId && copied(keyId);
  } catch {
    return undefined;
  }
}
