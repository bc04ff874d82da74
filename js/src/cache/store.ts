/** The two values of a cache: read and written within bounds of time, and what goes wrong told once. */
import type { Engine } from "../engine/engine.js";
import { CacheError, UpdateError } from "../errors.js";
import { MAX_BUNDLE_BYTES } from "../sources/source.js";
import type { Clock } from "../util/clock.js";
import { within } from "../util/deadline.js";
import { reasonOf } from "../util/fetching.js";
import type { EdgeCache } from "./cache.js";
import { Pieces } from "./pieces.js";
import { Value } from "./value.js";

/** Milliseconds for which a life that begins waits for what was kept: longer than a store needs, and soon enough to ask the source instead. */
export const GET_WITHIN = 5000;
/** Milliseconds after which a write counts as failed. Nobody waits for it. */
export const PUT_WITHIN = 30_000;

/** What is kept: see `keeper.ts`. */
export type Name = "tree" | "changes";

/** What a cache holds. */
export interface Kept {
  /** What can be begun with, the newest first, as it says itself. */
  readonly values: readonly Value[];
  readonly tree: Value | undefined;
}

export class Store {
  /** Whether other edges write here. */
  readonly shared: boolean;
  readonly #cache: EdgeCache;
  readonly #prefix: string;
  readonly #report: (error: Error) => void;
  readonly #clock: Clock;
  /** The codes of what was told, until something succeeds. */
  readonly #told = new Set<string>();

  constructor(cache: EdgeCache, { realm, lazy }: Pick<Engine, "realm" | "lazy">, report: (error: Error) => void, clock: Clock) {
    this.shared = cache.shared === true;
    this.#cache = cache;
    // What a lazy edge keeps is a part only, and must not take the place of what others keep.
    this.#prefix = `edgelatch${lazy ? ".lazy" : ""}-${realm}-`;
    this.#report = report;
    this.#clock = clock;
  }

  /** @param whole whether the objects are wanted, too */
  async load(whole: boolean): Promise<Kept> {
    const [tree, changes] = await Promise.all([this.#get("tree", whole), this.#get("changes", whole)]);
    const values = [tree, changes].filter((value) => value !== undefined);
    return { values: values.sort((a, b) => b.rootVersion - a.rootVersion || b.epoch - a.epoch), tree };
  }

  /**
   * Replaces a value. Returns whether it is there now; why not was told.
   *
   * @param onLate called when a write that had counted as failed comes to its end, and may have replaced a later one
   */
  async put(name: Name, bytes: Uint8Array, onLate: () => void): Promise<boolean> {
    try {
      await this.#bounded(`put ${name}`, PUT_WITHIN, () => this.#cache.put(this.#prefix + name, bytes), onLate);
      this.#told.clear();
      return true;
    } catch (error) {
      this.tell(error);
      return false;
    }
  }

  /** What was read was passed over, by the core or before it came so far. */
  tell(error: unknown): void {
    const told = error instanceof UpdateError ? new CacheError("refused", `what the cache holds was passed over: ${error.message}`, { cause: error }) : (error as Error);
    const key = error instanceof UpdateError ? error.code : `${(told as CacheError).code ?? told.name}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#report(told);
  }

  async #get(name: Name, whole: boolean): Promise<Value | undefined> {
    try {
      const read = async () => {
        const found = await this.#cache.get(this.#prefix + name);
        return found === undefined || found === null ? undefined : Pieces.of(found, MAX_BUNDLE_BYTES, whole ? () => Number.POSITIVE_INFINITY : Value.headerEnd);
      };
      const pieces = await this.#bounded(`get ${name}`, GET_WITHIN, read);
      return pieces && new Value(pieces, whole);
    } catch (error) {
      this.tell(error instanceof CacheError && error.code === "content" ? new CacheError("content", `${name} in the cache was passed over: ${error.message.slice("content: ".length)}`) : error);
      return undefined;
    }
  }

  async #bounded<T>(what: string, ms: number, work: () => Promise<T>, onLate?: () => void): Promise<T> {
    const late = () => new CacheError("deadline", `${what}: the cache took longer than ${ms} ms`);
    let over = false;
    try {
      return await within(ms, late, this.#clock, async () => {
        const done = await work();
        if (over) onLate?.();
        return done;
      });
    } catch (error) {
      over = true;
      throw error instanceof CacheError ? error : new CacheError("unreachable", `${what}: ${reasonOf(error, [])}`);
    }
  }
}
