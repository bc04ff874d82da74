/** The verifier: puts engine, requirements, refresher and reporting together. */
import { Keeper } from "./cache/keeper.js";
import { configText, locationOf, rootBytes } from "./config.js";
import { Engine } from "./engine/engine.js";
import { Lookups } from "./engine/lookups.js";
import { updater } from "./engine/update.js";
import { OptionError } from "./errors.js";
import { Judge } from "./judge.js";
import { Refresher } from "./refresh/refresher.js";
import { refreshSettings } from "./refresh/settings.js";
import type { WaitUntil } from "./refresh/single-flight.js";
import { connectionOf, UNKNOWN_CONNECTION } from "./request/connection.js";
import { Requirements } from "./request/requirement.js";
import { httpSource } from "./sources/http.js";
import type { Source } from "./sources/source.js";
import { Counts } from "./stats.js";
import type { RefreshOptions, VerifierOptions } from "./types/options.js";
import type { VerifierStats } from "./types/stats.js";
import type { Verdict } from "./types/verdict.js";
import type { LazyStats, NodeRequest, Verifier, WaitOptions } from "./types/verifier.js";
import type { EdgeWatch, UsageSink } from "./usage/event.js";
import { type Reporting, reportingOf, watchOf } from "./usage/pending.js";
import { systemClock } from "./util/clock.js";
import { unlessAborted } from "./util/deadline.js";
import { quietly } from "./util/hook.js";
import { type Options, optionsOf, UNCHECKED } from "./util/options.js";
import { argument, asSaid, ownCopy } from "./util/own.js";
import { warner } from "./util/warn.js";
import type { Judgement } from "./verdict.js";
import { Waiting } from "./waiting.js";

/**
 * Sets up the core and, where refreshes go by a timer, waits for the first one, or until what was kept serves. If that fails,
 * `onError` hears of it, and the answer is 503 until a snapshot is there.
 *
 * @param options checked by name
 * @param waitUntil the platform's own, for requests that come without one
 */
export async function startVerifier<Metadata>(options: VerifierOptions, module: WebAssembly.Module, defaultMode: "timer" | "demand", waitUntil?: WaitUntil): Promise<Verifier<Metadata>> {
  const { signal } = options;
  signal?.throwIfAborted();
  const verifier = new SnapshotVerifier(options, module, defaultMode, waitUntil);
  signal?.addEventListener("abort", () => verifier.close(), { once: true });
  if (verifier.mode === "timer") await unlessAborted(signal, verifier.start());
  return verifier as Verifier as Verifier<Metadata>;
}

class SnapshotVerifier implements Verifier {
  readonly #engine: Engine;
  readonly #judge: Judge;
  readonly #counts: Counts;
  readonly #refresher: Refresher;
  readonly #keeper: Keeper | undefined;
  readonly #onVerdict: ((verdict: Verdict) => void) | undefined;
  readonly #reporting: Reporting | undefined;
  readonly #watch: EdgeWatch | undefined;
  readonly #waiting: Waiting;

  constructor(options: VerifierOptions, module: WebAssembly.Module, defaultMode: "timer" | "demand", waitUntil: WaitUntil | undefined) {
    const { source, onError = warner(systemClock), onUpdate, cache } = options;
    this.#counts = new Counts(() => this.#judge.now());
    const report = this.#counts.heard(onError as (error: Error) => void);
    this.#onVerdict = options.onVerdict;
    this.#engine = new Engine(module, rootBytes(options.root), configText(options), (error) => {
      report(error);
      this.#refresher.soon();
    }, locationOf(options)?.manner);
    this.#engine.onSwitch = this.#counts.switched(onUpdate);
    this.#reporting = reportingOf(options, this.#engine);
    const touch = (at: number, waitUntil?: WaitUntil) => {
      this.#refresher.touch(at, waitUntil);
      if (this.#watch !== undefined && this.mode !== "timer") this.#watch.touch(waitUntil);
    };
    this.#judge = new Judge(this.#engine, new Requirements(this.#engine, report), options.now, this.#reporting, touch, report);
    const timing = { now: () => this.#judge.now(), pause: () => new Promise<void>((turn) => setTimeout(turn, 0)) };
    const from = sourceOf(source);
    const refresh = ownCopy<RefreshOptions>({ mode: defaultMode }, options.refresh ?? {});
    const lookups = this.#engine.lazy ? new Lookups(this.#engine, from, timing.now, refreshSettings(refresh).maxWait, report, systemClock) : undefined;
    this.#waiting = new Waiting((options) => this.load(options), lookups, waitUntil);
    const update = updater(this.#engine, from, timing, report);
    const keeper = cache && new Keeper(cache, this.#engine, timing, report, systemClock);
    const background = { begun: keeper?.begun, settled: async () => keeper?.settled(), waitUntil };
    const told = () => this.#watch?.refreshed();
    const kept = keeper?.around(update) ?? update;
    this.#keeper = keeper;
    const refreshed = async (...args: Parameters<typeof kept>) => {
      const changed = await kept(...args).finally(told);
      this.#counts.refreshed();
      return changed;
    };
    this.#refresher = new Refresher(refreshed, this, refresh, report, from, systemClock, background);
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

  stats(): VerifierStats {
    const { realm, mode, ready, epoch, rootVersion, age } = this;
    return { realm, mode, ready, epoch, rootVersion, age, ...this.#counts.told };
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
    return this.#waiting.final(verdict, () => this.#judge.request(request, ...said), () => connectionOf(said[1], request)).then(this.#give);
  }

  checkKey(text: string, _options?: unknown): Verdict | Promise<Verdict> {
    const options = argument(arguments, 1);
    const verdict = this.overdue ? undefined : this.#judge.key(text, options);
    if (verdict !== undefined && verdict.needs === undefined) return this.#give(verdict);
    const said = asSaid(options);
    return this.#waiting.final(verdict, () => this.#judge.key(text, said), () => UNKNOWN_CONNECTION).then(this.#give);
  }

  /** Resolves when something serves, or nothing could be had. */
  async start(): Promise<void> {
    const done = this.refresh().then(() => {}, () => {});
    await Promise.race([done, this.#keeper?.begun ?? done]);
  }

  async refresh(options: WaitOptions = {}): Promise<boolean> {
    const { signal, waitUntil } = optionsOf("refresh", options, WAIT);
    return unlessAborted(signal, this.#refresher.refresh(waitUntil));
  }

  async load(options: WaitOptions = {}): Promise<void> {
    const { signal, waitUntil } = optionsOf("load", options, WAIT);
    await unlessAborted(signal, this.#refresher.due(waitUntil)).catch(() => {});
  }

  close(): void {
    this.#refresher.close();
  }

  readonly #give = (judgement: Judgement): Verdict => {
    const verdict = judgement.shown();
    this.#counts.verdict(judgement.code);
    if (this.#onVerdict !== undefined) quietly(this.#onVerdict, verdict);
    return verdict;
  };
}

const WAIT: Options<WaitOptions> = { signal: UNCHECKED, waitUntil: UNCHECKED };

function sourceOf(source: string | URL | Source): Source {
  if (typeof source === "string" || source instanceof URL) return httpSource(source);
  if (typeof source?.bundle !== "function") throw new OptionError("source: a URL or an object with a bundle() method is needed");
  return source;
}
