/** The instance of the core that serves at present, and what it says of verdicts that were reached before. */
import { TrapError } from "../errors.js";
import type { Instance } from "./instance.js";
import type { Laid } from "./laid.js";
import { NO_SNAPSHOT, type Snapshot, Trees } from "./snapshot.js";

export class Present {
  snapshot: Snapshot = NO_SNAPSHOT;
  protected instance: Instance;
  protected readonly onTrouble: (error: Error) => void;
  /** Trees that instances before this one have put into force. */
  #before = 0;
  readonly #trees = new Trees((generation) => this.#release(generation));
  /** Told, once it serves, of each snapshot that follows another. */
  onSwitch: ((snapshot: Snapshot, before: Snapshot) => void) | undefined;

  /** @param onTrouble hears of a trap, once */
  constructor(instance: Instance, onTrouble: (error: Error) => void) {
    this.instance = instance;
    this.onTrouble = onTrouble;
  }

  /** Why the instance that served stopped. Until there is another one every verdict is `internal`. */
  get trapped(): TrapError | undefined {
    return this.instance.stopped;
  }

  /** The text of the identity behind a verdict that was reached under that generation; `undefined` when there is none or its tree is gone. */
  identity(packed: number, generation: number): string | undefined {
    return this.#asked(generation, (instance, own) => instance.identity(packed, own));
  }

  /** The patterns that the roles behind such a verdict grant, as a list; `undefined` when they are gone. */
  grants(packed: number, generation: number): string | undefined {
    return this.#asked(generation, (instance, own) => instance.grants(packed, own));
  }

  /** The address of a request's client; `undefined` when it is not known, or the core has stopped. */
  client(request: Laid): string | undefined {
    return this.#ask((instance) => instance.client(request));
  }

  #asked(generation: number, ask: (instance: Instance, own: number) => string | undefined): string | undefined {
    const own = generation - this.#before;
    return own <= 0 ? undefined : this.#ask((instance) => ask(instance, own));
  }

  #ask(ask: (instance: Instance) => string | undefined): string | undefined {
    if (this.instance.stopped !== undefined) return undefined;
    try {
      return this.enter(ask);
    } catch {
      return undefined;
    }
  }

  /** Uses the instance that serves. */
  protected enter<T>(use: (instance: Instance) => T): T {
    const before = this.trapped;
    try {
      return use(this.instance);
    } catch (error) {
      if (error instanceof TrapError && before === undefined) this.onTrouble(error);
      throw error;
    }
  }

  /** What an instance serves, this one or one that is to take its place. */
  protected snapshotOf(instance: Instance): Snapshot {
    const generation = this.#generationsBefore(instance) + instance.call((wasm) => wasm.generation());
    return instance.call((wasm) => ({
      tree: this.#trees.of(generation, this.snapshot.tree),
      generation,
      epoch: wasm.epoch(),
      issuedAt: wasm.issued_at(),
      rootVersion: wasm.root_version(),
    }));
  }

  /** Lets an instance serve. */
  protected switchTo(instance: Instance, snapshot: Snapshot): void {
    this.#before = this.#generationsBefore(instance);
    this.instance = instance;
    const before = this.snapshot;
    this.snapshot = snapshot;
    if (snapshot.epoch !== 0 && snapshot.epoch !== before.epoch) this.onSwitch?.(snapshot, before);
  }

  /** No number is given twice, so that no verdict is told the identity of another instance's record. */
  #generationsBefore(instance: Instance): number {
    return instance === this.instance ? this.#before : Math.max(this.#before, this.snapshot.generation);
  }

  #release(generation: number): void {
    const own = generation - this.#before;
    if (own <= 0 || this.instance.stopped !== undefined) return;
    try {
      this.enter((instance) => instance.call((wasm) => wasm.release(own)));
    } catch {} // has been reported
  }
}
