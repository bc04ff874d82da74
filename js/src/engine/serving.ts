/** The half of the engine that answers requests: out of the tree that serves. */
import { TrapError } from "../errors.js";
import { CODE, PACKED } from "../generated/codes.js";
import { MAX_BROUGHT, placeNeeded } from "./exports.js";
import type { Instance } from "./instance.js";
import type { Laid, Note } from "./laid.js";
import { type Manner, USUAL } from "./manner.js";
import type { Need, Parts } from "./parts.js";
import { Present } from "./present.js";
import { missing } from "./restore.js";

export class Serving extends Present {
  /** Names of the headers that the core wants to see, lower case. */
  readonly headerNames: readonly string[];
  /** The realm of the root. */
  readonly realm: string;
  /** How it speaks to callers of the place where their key stands. */
  readonly manner: Manner;
  /** Why the tree that serves lacks an object that was at hand: it was not what was signed, or did not fit. Only a fresh copy mends that. */
  lacking: Error | undefined;
  /** Where the objects are that the tree that serves lacks, while it is being filled; that of a lazy edge is not, and takes them as they are needed. */
  protected parts: Parts | undefined;
  /** Whether it holds only what requests need of its tree, within a budget. */
  readonly lazy: boolean;
  /** Objects that were given to the tree that serves: each may have moved others. */
  protected supplies = 0;
  /**
   * What was compiled, by number and in its order: another instance that compiles the same in this order numbers it alike. What
   * was refused took no number, and what was compiled again got the one it had.
   */
  readonly #compiled = new Map<number, (instance: Instance) => number>();

  /** @param onTrouble hears of a trap and of an object that is not what was signed, once each */
  constructor(instance: Instance, onTrouble: (error: Error) => void, manner: Manner = USUAL) {
    super(instance, onTrouble);
    this.manner = manner;
    this.realm = instance.text((wasm) => wasm.realm()) ?? "";
    this.lazy = instance.text((wasm) => wasm.lazy_stats()) !== undefined;
    this.headerNames = (instance.text((wasm) => wasm.interest()) ?? "").split("\n");
  }

  /** Judges a key. `requirement` comes from {@link compile}; the answer is the core's packed verdict. */
  verifyKey(key: string, ip: string | undefined, requirement: number, now: number): number {
    if (this.instance.stopped !== undefined) return CODE.internal;
    try {
      for (let tries = 0; ; tries++) {
        const packed = this.instance.verifyKey(key, ip, requirement, now);
        if ((packed & PACKED.code) !== CODE.shard_needed || !this.#bring(packed, tries)) return packed;
      }
    } catch (error) {
      return this.#stop(error);
    }
  }

  /**
   * Judges a request.
   *
   * @param noting whether {@link noted} will be asked for
   */
  verifyBlock(request: Laid, requirement: number, now: number, noting: boolean): number {
    if (this.instance.stopped !== undefined) return CODE.internal;
    try {
      for (let tries = 0; ; tries++) {
        const packed = noting ? this.instance.verifyNoting(request, requirement, now) : this.instance.verifyBlock(request, requirement, now);
        if ((packed & PACKED.code) !== CODE.shard_needed || !this.#bring(packed, tries)) return packed;
      }
    } catch (error) {
      return this.#stop(error);
    }
  }

  /** Compiles a requirement into a number that stays valid for the life of the engine. */
  compile(service: string | undefined, permission: string | undefined): number {
    return this.#number((instance) => instance.compile(service, permission));
  }

  /** The same for the core's text of a route table, for requests only. Throws if the core refuses it. */
  compileRoutes(table: string): number {
    return this.#number((instance) => instance.compileRoutes(table));
  }

  /** What a report says of the request that was judged last, with noting. */
  noted(peer: string | undefined): Note {
    return this.instance.noted(peer);
  }

  /** The normalised path of a request, or `undefined` when it has none. */
  path(request: Laid & { readonly target: string }): string | undefined {
    return this.enter((instance) => instance.path(request));
  }

  /** Gives the tree that serves an object out of {@link parts}. Returns whether it was there, and was what was signed. */
  protected take(need: Need): boolean {
    return this.#give(need.place, this.parts?.object(need));
  }

  #give(place: number, bytes: Uint8Array | undefined): boolean {
    try {
      if (bytes === undefined) throw missing();
      this.supplies++;
      this.instance.input(bytes);
      this.instance.checked((wasm) => wasm.supply(place));
      return true;
    } catch (error) {
      if (error instanceof TrapError) throw error;
      if (this.lazy) return false; // it may be of an earlier tree, and can be fetched
      if (this.lacking === undefined) this.onTrouble(error as Error);
      this.lacking = error as Error;
      return false;
    }
  }

  /** Has another instance number requirements as this one does. */
  protected compileAll(instance: Instance): void {
    for (const compile of this.#compiled.values()) compile(instance);
  }

  #number(compile: (instance: Instance) => number): number {
    const number = this.enter(compile);
    if (!this.#compiled.has(number)) this.#compiled.set(number, compile);
    return number;
  }

  /** Brings the object that a verdict asks for, if it is at hand. Returns whether it is worth asking again. */
  #bring(packed: number, tries: number): boolean {
    if (this.parts === undefined || tries === MAX_BROUGHT) return false;
    const place = placeNeeded(packed) - 1;
    if (this.lazy) return this.#give(place, this.parts.at?.(place));
    const [need] = this.instance.needs("needs", place, 1);
    return need !== undefined && this.take(need);
  }

  #stop(cause: unknown): number {
    this.onTrouble(this.instance.stop(cause));
    return CODE.internal;
  }
}
