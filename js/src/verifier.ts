import { blockOf, type Lines, linesOf } from "./block.js";
import { configText, rootBytes } from "./config.js";
import { type Connection, connectionOf, NOWHERE } from "./connection.js";
import { Engine } from "./engine.js";
import { CODE } from "./generated/codes.js";
import { argument, only, own, plain } from "./own.js";
import { Refresher } from "./refresher.js";
import { Requirements } from "./requirement.js";
import { httpSource } from "./sources/http.js";
import type { Source } from "./sources/source.js";
import type { KeyOptions, NodeRequest, RefreshOptions, Verifier, VerifierOptions } from "./types.js";
import { updater } from "./update.js";
import { Draft, judgedOf, type Reporting, reportingOf } from "./usage/draft.js";
import type { UsageSink } from "./usage/event.js";
import { Verdict } from "./verdict.js";

/** Sets up the core and, where looks go by a timer, waits for the first one. The entry of each runtime supplies the module. */
export async function create(options: VerifierOptions, module: WebAssembly.Module, defaultMode: "timer" | "demand"): Promise<Verifier> {
  const latch = new Latch(options, module, defaultMode);
  await latch.begin();
  return latch;
}

class Latch implements Verifier {
  readonly #engine: Engine;
  readonly #requirements: Requirements;
  readonly #refresher: Refresher;
  /** Milliseconds since 1970. */
  readonly #clock: () => number;
  /** Whether that clock ticks as time does; one of the host's may stand still. */
  readonly #ticks: boolean;
  readonly #onVerdict: ((verdict: Verdict) => void) | undefined;
  readonly #reporting: Reporting | undefined;

  constructor(options: VerifierOptions, module: WebAssembly.Module, defaultMode: "timer" | "demand") {
    const { source, onError } = options;
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
    const update = updater(this.#engine, sourceOf(source), { now: () => seconds(this.#clock()), pause: () => new Promise((turn) => setTimeout(turn, 0)) }, report);
    this.#refresher = new Refresher(update, this, only<RefreshOptions>({ mode: defaultMode }, options.refresh ?? {}), report);
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
    const draft = this.#reporting && new Draft(this.#reporting, judgedOf(now, undefined, undefined, { ...NOWHERE, peer: ip }));
    return this.#give(new Verdict(packed, this.#engine, now, false, draft));
  }

  verify(request: Request | NodeRequest, _requirement?: unknown, _context?: unknown): Verdict {
    const at = this.#time();
    const now = seconds(at);
    let packed: number = CODE.internal;
    let lines: Lines | undefined;
    let connection: Connection = NOWHERE;
    try {
      connection = connectionOf(argument(arguments, 2), request);
      lines = linesOf(request, this.#engine.interest);
      packed = this.#engine.verifyBlock(blockOf(lines, connection), this.#requirements.of(argument(arguments, 1), lines), now);
    } catch {
      // not a request, or a stopped core, which has been reported; the verdict is `internal`
    }
    this.#touch(at, connection.waitUntil);
    const draft = this.#reporting && new Draft(this.#reporting, judgedOf(now, lines && request, lines, connection));
    return this.#give(new Verdict(packed, this.#engine, now, lines?.method === "HEAD", draft));
  }

  refresh(): Promise<boolean> {
    return this.#refresher.refresh();
  }

  /** A failure goes to `onError`, and the answer is 503 until a snapshot is there. */
  async begin(): Promise<void> {
    if (this.#refresher.mode === "timer") await this.#refresher.refresh().catch(() => {});
  }

  load(waitUntil?: Connection["waitUntil"]): Promise<void> {
    return this.#refresher.due(waitUntil);
  }

  close(): void {
    this.#refresher.close();
  }

  /** A clock of the host's that fails gives no time, which the core answers with `clock_invalid`. */
  #time(): number {
    try {
      return this.#clock();
    } catch {
      return Number.NaN;
    }
  }

  #touch(at: number, waitUntil?: Connection["waitUntil"]): void {
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

/** Hooks observe; what they throw, at once or later, must not become an answer. */
function quietly<T>(hook: ((value: T) => unknown) | undefined, value: T): void {
  try {
    const done = hook?.(value);
    if (done instanceof Promise) done.catch(() => {});
  } catch {
    // the hook's own affair
  }
}
