/** The verifier: puts engine, requirements, refresher and reporting together. */
import { Keeper } from "./cache/keeper.js";
import { configText, rootBytes } from "./config.js";
import { Engine } from "./engine/engine.js";
import { updater } from "./engine/update.js";
import { CODE } from "./generated/codes.js";
import { Refresher } from "./refresh/refresher.js";
import type { WaitUntil } from "./refresh/single-flight.js";
import { blockOf, partsOf, type RequestParts } from "./request/block.js";
import { type Connection, connectionOf, UNKNOWN_CONNECTION } from "./request/connection.js";
import { Requirements } from "./request/requirement.js";
import { httpSource } from "./sources/http.js";
import type { Source } from "./sources/source.js";
import type { RefreshOptions, VerifierOptions } from "./types/options.js";
import type { KeyOptions, NodeRequest, Verifier } from "./types/verifier.js";
import type { UsageSink } from "./usage/event.js";
import { judgedOf, PendingEvent, type Reporting, reportingOf } from "./usage/pending.js";
import { systemClock } from "./util/clock.js";
import { quietly } from "./util/hook.js";
import { argument, own, ownCopy, plain } from "./util/own.js";
import { Verdict } from "./verdict.js";

/**
 * Sets up the core and, where refreshes go by a timer, waits for the first one, or until what was kept serves. If that fails,
 * `onError` hears of it, and the answer is 503 until a snapshot is there.
 *
 * @param options checked by name
 * @param waitUntil the platform's own, for requests that come without one
 */
export async function startVerifier(options: VerifierOptions, module: WebAssembly.Module, defaultMode: "timer" | "demand", waitUntil?: WaitUntil): Promise<Verifier> {
  const verifier = new SnapshotVerifier(options, module, defaultMode, waitUntil);
  if (verifier.mode === "timer") await verifier.start();
  return verifier;
}

class SnapshotVerifier implements Verifier {
  readonly #engine: Engine;
  readonly #requirements: Requirements;
  readonly #refresher: Refresher;
  readonly #keeper: Keeper | undefined;
  /** Milliseconds since 1970. */
  readonly #clock: () => number;
  /** Whether that clock ticks as time does; one of the host's may stand still. */
  readonly #ticks: boolean;
  readonly #onVerdict: ((verdict: Verdict) => void) | undefined;
  readonly #reporting: Reporting | undefined;

  constructor(options: VerifierOptions, module: WebAssembly.Module, defaultMode: "timer" | "demand", waitUntil: WaitUntil | undefined) {
    const { source, onError, cache } = options;
    const report = (error: Error) => quietly(onError, error);
    this.#clock = options.now ?? Date.now;
    this.#ticks = options.now === undefined;
    this.#onVerdict = options.onVerdict;
    this.#engine = new Engine(module, rootBytes(options.root), configText(options), (error) => {
      report(error);
      this.#refresher.soon();
    });
    this.#requirements = new Requirements(this.#engine, report);
    this.#reporting = reportingOf(options, this.#engine);
    const timing = { now: () => seconds(this.#time()), pause: () => new Promise<void>((turn) => setTimeout(turn, 0)) };
    const from = sourceOf(source);
    const update = updater(this.#engine, from, timing, report);
    const keeper = cache && new Keeper(cache, this.#engine, timing, report, systemClock);
    const refresh = ownCopy<RefreshOptions>({ mode: defaultMode }, options.refresh ?? {});
    const background = { begun: keeper?.begun, settled: async () => keeper?.settled(), waitUntil };
    this.#keeper = keeper;
    this.#refresher = new Refresher(keeper?.around(update) ?? update, this, refresh, report, from, systemClock, background);
  }

  get epoch(): number {
    return this.#engine.snapshot.epoch;
  }

  get age(): number {
    return this.ready ? seconds(this.#time()) - this.#engine.snapshot.issuedAt : Number.POSITIVE_INFINITY;
  }

  get ready(): boolean {
    return this.#engine.snapshot.epoch > 0 && this.#engine.trapped === undefined;
  }

  get overdue(): boolean {
    return this.#refresher.overdue;
  }

  get mode(): NonNullable<RefreshOptions["mode"]> {
    return this.#refresher.mode;
  }

  get rootVersion(): number {
    return this.#engine.snapshot.rootVersion;
  }

  get floor(): { readonly rootVersion: number; readonly epoch: number } | undefined {
    return this.#engine.floor;
  }

  get realm(): string {
    return this.#engine.realm;
  }

  get usage(): UsageSink | undefined {
    return this.#reporting?.sink;
  }

  verifyKey(text: string, _options?: unknown): Verdict {
    const at = this.#time();
    const now = seconds(at);
    let packed: number = CODE.internal;
    let ip: string | undefined;
    try {
      const options: KeyOptions | undefined = plain(argument(arguments, 1));
      ip = options && own(options, "ip");
      packed = this.#engine.verifyKey(text, ip, this.#requirements.ofKey(options), now);
    } catch {
      // a stopped core has been reported; the verdict is `internal`
    }
    this.#touch(at);
    const event = this.#reporting && new PendingEvent(this.#reporting, judgedOf(now, undefined, undefined, { ...UNKNOWN_CONNECTION, peer: ip }));
    return this.#give(new Verdict(packed, this.#engine, now, false, event));
  }

  verify(request: Request | NodeRequest, _requirement?: unknown, _context?: unknown): Verdict {
    const at = this.#time();
    const now = seconds(at);
    let packed: number = CODE.internal;
    let parts: RequestParts | undefined;
    let connection: Connection = UNKNOWN_CONNECTION;
    try {
      connection = connectionOf(argument(arguments, 2), request);
      parts = partsOf(request, this.#engine.headerNames);
      packed = this.#engine.verifyBlock(blockOf(parts, connection), this.#requirements.of(argument(arguments, 1), parts), now);
    } catch {
      // not a request, or a stopped core, which has been reported; the verdict is `internal`
    }
    this.#touch(at, connection.waitUntil);
    const event = this.#reporting && new PendingEvent(this.#reporting, judgedOf(now, parts && request, parts, connection));
    return this.#give(new Verdict(packed, this.#engine, now, parts?.method === "HEAD", event));
  }

  /** Resolves when something serves, or nothing could be had. */
  async start(): Promise<void> {
    const done = this.refresh().then(() => {}, () => {});
    await Promise.race([done, this.#keeper?.begun ?? done]);
  }

  refresh(): Promise<boolean> {
    return this.#refresher.refresh();
  }

  load(waitUntil?: WaitUntil): Promise<void> {
    return this.#refresher.due(waitUntil);
  }

  close(): void {
    this.#refresher.close();
  }

  /** A clock of the host's that fails, or tells no number, gives no time, which the core answers with `clock_invalid`. */
  #time(): number {
    try {
      const time: unknown = this.#clock();
      return typeof time === "number" ? time : Number.NaN;
    } catch {
      return Number.NaN;
    }
  }

  #touch(at: number, waitUntil?: WaitUntil): void {
    this.#refresher.touch(this.#ticks ? at : Number.NaN, waitUntil);
  }

  #give(verdict: Verdict): Verdict {
    if (this.#onVerdict !== undefined) quietly(this.#onVerdict, verdict);
    return verdict;
  }
}

function seconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}

function sourceOf(source: string | URL | Source): Source {
  if (typeof source === "string" || source instanceof URL) return httpSource(source);
  if (typeof source?.bundle !== "function") throw new TypeError("source: a URL or an object with a bundle() method is needed");
  return source;
}
