/** A tree that is put together in the core beside the one that serves. */
import { UpdateError } from "../errors.js";
import type { Exports } from "./exports.js";
import type { Instance } from "./instance.js";
import { Pace, SLICE, type Timing } from "./pace.js";
import type { Need } from "./parts.js";

/** A tree that lacks objects: a candidate, or the one that serves. */
export interface Lacking {
  /** Bytes of all objects of the tree. */
  readonly treeBytes: number;
  /** The first objects that it lacks, as far as they are known. */
  needs(limit: number): readonly Need[];
  /** Gives it one of them. A wrong one is refused and changes nothing. */
  supply(need: Need, bytes: Uint8Array): void;
}

/** The core has room for one: with the next one, or when it is dropped, every call is refused as `superseded`. */
export class Candidate implements Lacking {
  /** The head that names its tree. */
  readonly head: Uint8Array;
  /** The roots from the deployed one to that of the head. */
  readonly roots: readonly Uint8Array[];
  /** The digest of the tree that serves, in hex; empty for none. */
  readonly from: string;
  /** That of its own. */
  readonly to: string;
  readonly treeBytes: number;
  readonly #instance: Instance;
  readonly #isCurrent: (candidate: Candidate) => boolean;

  /** The core has just begun it. */
  constructor(instance: Instance, head: Uint8Array, roots: readonly Uint8Array[], isCurrent: (candidate: Candidate) => boolean) {
    this.#instance = instance;
    this.head = head;
    this.roots = roots;
    this.#isCurrent = isCurrent;
    const trees = instance.text((wasm) => wasm.trees()) ?? "";
    [this.from, this.to] = trees.split(" ") as [string, string];
    this.treeBytes = instance.call((wasm) => wasm.stage_bytes());
  }

  /** Whether nothing is missing. */
  get complete(): boolean {
    return this.#asked((wasm) => wasm.complete());
  }

  /** Whether an edge that serves nothing may begin with it, and ask for the rest when it is needed. */
  get ready(): boolean {
    return this.#asked((wasm) => wasm.ready());
  }

  /** Gives it the next bytes of a bundle. After a refusal another candidate has to be begun. */
  feed(bytes: Uint8Array): void {
    this.#give(bytes, (wasm) => wasm.feed());
  }

  /** Applies a patch. After a refusal another candidate has to be begun. */
  async patch(bytes: Uint8Array, timing: Timing): Promise<void> {
    this.#give(bytes, (wasm) => wasm.patch());
    const pace = new Pace(timing);
    for (; this.#asked((wasm) => wasm.working()); await pace.spent(SLICE)) this.#use((instance) => instance.checked((wasm) => wasm.check(SLICE)));
  }

  needs(limit: number): readonly Need[] {
    return this.#use((instance) => instance.needs("stage_needs", 0, limit));
  }

  supply({ place, length }: Need, bytes: Uint8Array): void {
    fits("object", bytes, length);
    this.#give(bytes, (wasm) => wasm.stage_supply(place));
  }

  /** Puts it into force. */
  commit(now: number): void {
    this.#use((instance) => instance.checked((wasm) => wasm.commit(now)));
  }

  #give(bytes: Uint8Array, take: (wasm: Exports) => number): void {
    this.#use((instance) => {
      instance.input(bytes);
      instance.checked(take);
    });
  }

  #asked(question: (wasm: Exports) => number): boolean {
    return this.#use((instance) => instance.call(question)) === 1;
  }

  #use<T>(use: (instance: Instance) => T): T {
    if (!this.#isCurrent(this)) throw new UpdateError("superseded", "another update was begun while this one was put together");
    return use(this.#instance);
  }
}

/** Before anything is copied. */
export function fits(what: string, { length }: Uint8Array, limit: number): void {
  if (length > limit) throw new UpdateError("too_large", `the ${what} has ${length} bytes, the head vouches for ${limit} at the most`);
}
