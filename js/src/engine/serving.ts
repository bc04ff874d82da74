/** The half of the engine that answers requests: out of the instance that holds the tree which serves. */
import { TrapError, UpdateError } from "../errors.js";
import { CODE, PACKED } from "../generated/codes.js";
import { FIELD_SEPARATOR } from "./exports.js";
import type { Instance } from "./instance.js";

/** What serves: replaced as a whole, so that a verdict can hold on to the one it was given under. */
export interface Snapshot {
  /** The instance that holds the tree. Each tree has one of its own, which lives as long as a verdict that refers to it. */
  readonly instance: Instance | undefined;
  /** 0 for none, as all that follows. */
  readonly epoch: number;
  /** When its head was issued, Unix seconds. */
  readonly issuedAt: number;
  readonly rootVersion: number;
}

/** Nothing serves. */
export const NO_SNAPSHOT: Snapshot = { instance: undefined, epoch: 0, issuedAt: 0, rootVersion: 0 };

export class Serving {
  /** Names of the headers that the core wants to see, lower case. */
  readonly headerNames: readonly string[];
  /** The realm of the root. */
  readonly realm: string;
  snapshot: Snapshot = NO_SNAPSHOT;
  /** Whether a part of the tree turned out not to be what was signed; only a fresh copy mends that. */
  damaged = false;
  #instance: Instance;
  readonly #onTrouble: (error: Error) => void;
  /**
   * What was compiled, by number and in its order: another instance that compiles the same in this order numbers it alike. What
   * was refused took no number, and what was compiled again got the one it had.
   */
  readonly #compiled = new Map<number, (instance: Instance) => number>();

  /** @param onTrouble hears of a trap and of damage, once each */
  constructor(instance: Instance, onTrouble: (error: Error) => void) {
    this.#instance = instance;
    this.#onTrouble = onTrouble;
    this.realm = instance.text((wasm) => wasm.realm()) ?? "";
    this.headerNames = (instance.text((wasm) => wasm.interest()) ?? "").split("\n");
  }

  /** Why the instance that served stopped. Until there is another one every verdict is `internal`. */
  get trapped(): TrapError | undefined {
    return this.#instance.stopped;
  }

  /** Judges a key. `requirement` comes from {@link compile}; the answer is the core's packed verdict. */
  verifyKey(key: string, ip: string | undefined, requirement: number, now: number): number {
    if (this.#instance.stopped !== undefined) return CODE.internal;
    try {
      return this.#sound(this.#instance.verifyKey(key, ip, requirement, now));
    } catch (error) {
      return this.#stop(error);
    }
  }

  /** Judges a request block: connection address, request line and header lines, separated by line feeds. */
  verifyBlock(block: string, requirement: number, now: number): number {
    if (this.#instance.stopped !== undefined) return CODE.internal;
    try {
      return this.#sound(this.#instance.verifyBlock(block, requirement, now));
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

  /** The normalised path of a request block, or `undefined` when it has none. */
  path(block: string): string | undefined {
    return this.enter((instance) => instance.about(block, "path"));
  }

  /** The client's address of a request block as the configured rule derives it, or `undefined` when it is unknown. */
  client(block: string): string | undefined {
    return this.enter((instance) => instance.about(block, "client"));
  }

  /** The fields behind a verdict that an instance gave, or `undefined` when there are none or the instance has stopped. */
  identity(packed: number, instance: Instance): string[] | undefined {
    if (instance.stopped !== undefined) return undefined;
    try {
      return instance.text((wasm) => wasm.identity(packed))?.split(FIELD_SEPARATOR);
    } catch (error) {
      if (error instanceof TrapError && instance === this.#instance) this.#onTrouble(error);
      return undefined;
    }
  }

  /** Uses the instance that serves. */
  protected enter<T>(use: (instance: Instance) => T): T {
    const before = this.trapped;
    try {
      return use(this.#instance);
    } catch (error) {
      if (error instanceof TrapError && before === undefined) this.#onTrouble(error);
      throw error;
    }
  }

  /** Has another instance number requirements as this one does. */
  protected compileAll(instance: Instance): void {
    for (const compile of this.#compiled.values()) compile(instance);
  }

  /** Lets another instance serve. */
  protected switchTo(instance: Instance): void {
    this.#instance = instance;
    this.damaged = false;
  }

  #number(compile: (instance: Instance) => number): number {
    const number = this.enter(compile);
    if (!this.#compiled.has(number)) this.#compiled.set(number, compile);
    return number;
  }

  /** A verdict that was reached, unless a part of the snapshot failed its proof on the way. */
  #sound(packed: number): number {
    if ((packed & PACKED.code) === CODE.internal && !this.damaged && this.snapshot.epoch > 0) {
      this.damaged = true;
      this.#onTrouble(new UpdateError("wrong_digest", "a part of the snapshot is not what was signed; another copy is fetched"));
    }
    return packed;
  }

  #stop(cause: unknown): number {
    this.#onTrouble(this.#instance.stop(cause));
    return CODE.internal;
  }
}
