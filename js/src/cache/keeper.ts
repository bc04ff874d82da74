/**
 * Keeps what serves in a cache, and begins with what is there. Two values are kept:
 *
 * - `tree`: the newest head, the roots that lead to it, and all objects of its tree that are here;
 * - `changes`: the same, but only those objects that differ from the ones in `tree`.
 *
 * Most updates change a few objects, so most writes are small. What is kept is a state and not a history: a life that begins loads the
 * newest head out of both values at once, in the way in which an instance that stopped is replaced (`engine/restore.ts`), so nothing older serves
 * meanwhile, and it does not matter on which way an update had come. As the core proves each object, `changes` beside a `tree` that they were
 * not written for lead to holes, never to wrong verdicts; and an object that is the same in both trees is found.
 */
import type { Engine } from "../engine/engine.js";
import type { Timing } from "../engine/pace.js";
import type { Snapshot } from "../engine/snapshot.js";
import type { Update } from "../engine/update.js";
import { LOST_AFTER } from "../refresh/single-flight.js";
import { backoff } from "../util/backoff.js";
import type { Clock } from "../util/clock.js";
import type { EdgeCache } from "./cache.js";
import { pack } from "./packed.js";
import { GET_WITHIN, PUT_WITHIN, Store } from "./store.js";

/** Milliseconds between two writes: Workers KV takes one a second under a name. */
const WRITE_PAUSE = 1000;
/** Milliseconds until a head that only renews the time of the same tree is worth a write. */
const RENEWAL_PAUSE = 60_000;
/** The longest pause after a write that failed, milliseconds. */
const MAX_PAUSE = 300_000;
/** Milliseconds after which work is taken for lost: a platform may drop it with the request that carried it. */
const [LOAD_LIFETIME, WRITE_LIFETIME] = [GET_WITHIN + LOST_AFTER, WRITE_PAUSE + GET_WITHIN + PUT_WITHIN + LOST_AFTER];

/** Work under way. */
interface Task {
  readonly since: number;
  readonly done: Promise<void>;
}

export class Keeper {
  /** Resolves when what was kept serves. */
  readonly begun: Promise<void>;
  readonly #engine: Engine;
  readonly #store: Store;
  readonly #timing: Timing;
  readonly #clock: Clock;
  #begin!: () => void;
  #loading: Task | undefined;
  #loaded = false;
  #writing: Task | undefined;
  /** What is kept, as far as that is known. */
  #kept: Snapshot | undefined;
  /** The beginning of the digest of each object in `tree`, by its place; `undefined` when that is not known. */
  #tags: ReadonlyMap<number, number> | undefined;
  /** Whether what was there when this life began was taken: what other edges say of what they wrote is not believed where it was not. */
  #sound = true;
  #writtenAt = Number.NEGATIVE_INFINITY;
  #failures = 0;

  constructor(cache: EdgeCache, engine: Engine, timing: Timing, report: (error: Error) => void, clock: Clock) {
    this.#engine = engine;
    this.#timing = timing;
    this.#clock = clock;
    this.#store = new Store(cache, engine, report, clock);
    this.begun = new Promise((resolve) => (this.#begin = resolve));
  }

  /** The same refresh, after what was kept was taken up. What it brings is kept. */
  around(update: Update): Update {
    return async (signal, pushed) => {
      await this.#load();
      signal.throwIfAborted();
      try {
        return await update(signal, pushed);
      } finally {
        this.#note();
      }
    };
  }

  /** Resolves when nothing is being written: neither now, nor because of what came meanwhile. */
  async settled(): Promise<void> {
    await this.#writing?.done;
    await this.#writing?.done;
  }

  /** Takes up what was kept, once. */
  async #load(): Promise<void> {
    if (this.#loaded) return;
    const now = this.#clock.now();
    if (!underWay(this.#loading, now, LOAD_LIFETIME)) this.#loading = { since: now, done: this.#resume() };
    await this.#loading?.done;
    this.#loaded = true;
  }

  async #resume(): Promise<void> {
    const { values, tree } = await this.#store.load(true);
    for (const value of values) {
      if (this.#loaded || this.#engine.snapshot.epoch > 0) return; // this came too late
      value.more = values.find((other) => other !== value);
      try {
        await this.#engine.resume(value.head, value.roots, value.firstRoot, value, this.#timing);
        this.#kept = this.#engine.snapshot;
        this.#begin();
        await this.#engine.fill(this.#timing);
        // What was damaged is not built upon.
        if (this.#engine.lacking === undefined) this.#tags = tree?.tags;
        return;
      } catch (error) {
        this.#sound = false;
        this.#store.tell(error);
      }
    }
  }

  /** Keeps what serves by now, if it is something else. */
  #note(): void {
    const now = this.#clock.now();
    const rest = this.#failures === 0 ? 0 : backoff(this.#failures, WRITE_PAUSE, MAX_PAUSE, this.#clock.random());
    if (underWay(this.#writing, now, WRITE_LIFETIME) || now - this.#writtenAt < rest || !this.#news(now)) return;
    const done = this.#write(now).then((went) => {
      if (this.#writing !== task) return; // taken for lost
      this.#writing = undefined;
      if (went) this.#note();
    });
    const task = { since: now, done };
    this.#writing = task;
  }

  #news(now: number): boolean {
    const { epoch, rootVersion, generation } = this.#engine.snapshot;
    if (epoch === 0 || (epoch === this.#kept?.epoch && rootVersion === this.#kept.rootVersion)) return false;
    return generation !== this.#kept?.generation || now - this.#writtenAt >= RENEWAL_PAUSE;
  }

  /** Returns whether it got so far that something else may be written behind it. */
  async #write(now: number): Promise<boolean> {
    const pause = this.#writtenAt + WRITE_PAUSE - now;
    if (pause > 0) await new Promise<void>((resolve) => this.#clock.setTimeout(resolve, pause));
    try {
      await this.#engine.fill(this.#timing);
      const packed = (await this.#overtaken()) ? undefined : await pack(this.#engine, this.#tags, this.#timing);
      this.#writtenAt = this.#clock.now();
      if (packed === undefined) return false;
      const { name, bytes, tags, snapshot } = packed;
      if (name === "tree") this.#tags = undefined; // until it is known to be there
      const written = await this.#store.put(name, bytes, () => (this.#kept = this.#tags = undefined));
      this.#failures = written ? 0 : this.#failures + 1;
      if (written) [this.#kept, this.#tags, this.#sound] = [snapshot, tags, true];
      return written;
    } catch (error) {
      this.#failures++;
      this.#store.tell(error); // the core has stopped, or there is no memory for it
      return false;
    }
  }

  /** Whether another edge has written what is as new as what serves. What it wrote is what is built upon. */
  async #overtaken(): Promise<boolean> {
    if (!this.#store.shared || !this.#sound) return false;
    const { values, tree } = await this.#store.load(false);
    const { snapshot } = this.#engine;
    this.#tags = tree?.tags;
    const there = values.some(({ rootVersion, epoch }) => rootVersion > snapshot.rootVersion || (rootVersion === snapshot.rootVersion && epoch >= snapshot.epoch));
    if (there) this.#kept = snapshot;
    return there;
  }
}

function underWay(task: Task | undefined, now: number, lifetime: number): boolean {
  return task !== undefined && now - task.since <= lifetime;
}
