/** The verifier: puts engine, requirements, refresher and reporting together. */
import { Keeper } from "./cache/keeper.js";
import { configText, rootBytes } from "./config.js";
import { Engine } from "./engine/engine.js";
import { Lookups } from "./engine/lookups.js";
import { MAX_BROUGHT } from "./engine/exports.js";
import { updater } from "./engine/update.js";
import { Judge } from "./judge.js";
import { Refresher } from "./refresh/refresher.js";
import { refreshSettings } from "./refresh/settings.js";
import type { WaitUntil } from "./refresh/single-flight.js";
import { connectionOf } from "./request/connection.js";
import { Requirements } from "./request/requirement.js";
import { httpSource } from "./sources/http.js";
import type { Source } from "./sources/source.js";
import type { RefreshOptions, VerifierOptions } from "./types/options.js";
import type { LazyStats, NodeRequest, Verifier } from "./types/verifier.js";
import type { EdgeWatch, UsageSink } from "./usage/event.js";
import { type Reporting, reportingOf, watchOf } from "./usage/pending.js";
import { systemClock } from "./util/clock.js";
import { quietly } from "./util/hook.js";
import { argument, asSaid, ownCopy } from "./util/own.js";
import type { Verdict } from "./verdict.js";

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
  readonly #judge: Judge;
  readonly #refresher: Refresher;
  readonly #keeper: Keeper | undefined;
  readonly #onVerdict: ((verdict: Verdict) => void) | undefined;
  readonly #reporting: Reporting | undefined;
  readonly #watch: EdgeWatch | undefined;
  readonly #lookups: Lookups | undefined;
  /** The platform's own, for requests that come without one. */
  readonly #waitUntil: WaitUntil | undefined;

  constructor(options: VerifierOptions, module: WebAssembly.Module, defaultMode: "timer" | "demand", waitUntil: WaitUntil | undefined) {
    const { source, onError, cache } = options;
    const report = (error: Error) => quietly(onError, error);
    this.#onVerdict = options.onVerdict;
    this.#waitUntil = waitUntil;
    this.#engine = new Engine(module, rootBytes(options.root), configText(options), (error) => {
      report(error);
      this.#refresher.soon();
    });
    this.#reporting = reportingOf(options, this.#engine);
    const touch = (at: number, waitUntil?: WaitUntil) => {
      this.#refresher.touch(at, waitUntil);
      if (this.#watch !== undefined && this.mode !== "timer") this.#watch.touch(waitUntil);
    };
    this.#judge = new Judge(this.#engine, new Requirements(this.#engine, report), options.now, this.#reporting, touch, report);
    const timing = { now: () => this.#judge.now(), pause: () => new Promise<void>((turn) => setTimeout(turn, 0)) };
    const from = sourceOf(source);
    const refresh = ownCopy<RefreshOptions>({ mode: defaultMode }, options.refresh ?? {});
    if (this.#engine.lazy) this.#lookups = new Lookups(this.#engine, from, timing.now, refreshSettings(refresh).maxWait, report, systemClock);
    const update = updater(this.#engine, from, timing, report);
    const keeper = cache && new Keeper(cache, this.#engine, timing, report, systemClock);
    const background = { begun: keeper?.begun, settled: async () => keeper?.settled(), waitUntil };
    const told = () => this.#watch?.refreshed();
    const kept = keeper?.around(update) ?? update;
    this.#keeper = keeper;
    this.#refresher = new Refresher((...args) => kept(...args).finally(told), this, refresh, report, from, systemClock, background);
    this.#watch = watchOf(options, this.#engine, this.mode, timing.now, waitUntil);
    void keeper?.begun.then(told);
  }

  get epoch(): number {
    return this.#engine.snapshot.epoch;
  }

  get age(): number {
    return this.ready ? this.#judge.now() - this.#engine.snapshot.issuedAt : Number.POSITIVE_INFINITY;
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

  get lazy(): LazyStats | undefined {
    return this.#engine.lazyStats;
  }

  get realm(): string {
    return this.#engine.realm;
  }

  get usage(): UsageSink | undefined {
    return this.#reporting?.sink;
  }

  verifyKey(text: string, _options?: unknown): Verdict {
    return this.#give(this.#judge.key(text, argument(arguments, 1)));
  }

  verify(request: Request | NodeRequest, _requirement?: unknown, _context?: unknown): Verdict {
    return this.#give(this.#judge.request(request, argument(arguments, 1), argument(arguments, 2)));
  }

  check(request: Request | NodeRequest, _requirement?: unknown, _context?: unknown): Verdict | Promise<Verdict> {
    const requirement = argument(arguments, 1);
    const context = argument(arguments, 2);
    const verdict = this.overdue ? undefined : this.#judge.request(request, requirement, context);
    if (verdict !== undefined && verdict.needs === undefined) return this.#give(verdict);
    const said = [asSaid(requirement), asSaid(context)] as const;
    return this.#waited(verdict, () => this.#judge.request(request, ...said), () => connectionOf(said[1], request).waitUntil);
  }

  checkKey(text: string, _options?: unknown): Verdict | Promise<Verdict> {
    const options = argument(arguments, 1);
    const verdict = this.overdue ? undefined : this.#judge.key(text, options);
    if (verdict !== undefined && verdict.needs === undefined) return this.#give(verdict);
    const said = asSaid(options);
    return this.#waited(verdict, () => this.#judge.key(text, said), () => undefined);
  }

  /** The final verdict, once what it takes has come: a refresh where there is no `first` one, objects where there is one that needs them. */
  async #waited(first: Verdict | undefined, judge: () => Verdict, waitUntilOf: () => WaitUntil | undefined): Promise<Verdict> {
    let waitUntil: WaitUntil | undefined;
    try {
      waitUntil = waitUntilOf();
    } catch {
      // not a request, as its verdict says
    }
    if (first === undefined) await this.load(waitUntil);
    // The refresh that was waited for has bounds of its own.
    const begun = systemClock.now();
    let verdict = first ?? judge();
    for (let tries = 0; verdict.needs !== undefined; tries++) {
      const brought = tries < MAX_BROUGHT && (await this.#lookups?.bring(verdict.needs, waitUntil ?? this.#waitUntil, begun));
      verdict = brought === true ? judge() : verdict.giveUp();
    }
    return this.#give(verdict);
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

  #give(verdict: Verdict): Verdict {
    if (this.#onVerdict !== undefined) quietly(this.#onVerdict, verdict);
    return verdict;
  }
}

function sourceOf(source: string | URL | Source): Source {
  if (typeof source === "string" || source instanceof URL) return httpSource(source);
  if (typeof source?.bundle !== "function") throw new TypeError("source: a URL or an object with a bundle() method is needed");
  return source;
}
