/** What serves at one moment, and how long the tree behind it is kept. */

/** A tree that was put into force. The core keeps it, within bounds, as long as this object can be reached: from what serves, or from a verdict. */
export interface Tree {
  /** Counts these trees. 0 for none. */
  readonly generation: number;
}

/** What serves, at one moment. */
export interface Snapshot {
  readonly tree: Tree;
  /** That of the tree. 0 for none, as all that follows. */
  readonly generation: number;
  readonly epoch: number;
  /** When its head was issued, Unix seconds. */
  readonly issuedAt: number;
  readonly rootVersion: number;
}

/** Nothing serves. */
export const NO_SNAPSHOT: Snapshot = { tree: { generation: 0 }, generation: 0, epoch: 0, issuedAt: 0, rootVersion: 0 };

/** Makes trees, and hears, once of each, that nobody can ask for an identity in it any more. Where nobody tells that, the core's bounds alone count. */
export class Trees {
  readonly #unreachable: FinalizationRegistry<number> | undefined;

  constructor(release: (generation: number) => void) {
    this.#unreachable = typeof FinalizationRegistry === "undefined" ? undefined : new FinalizationRegistry(release);
  }

  /** The tree of a generation: that which serves, under another head, or a new one. */
  of(generation: number, serving: Tree): Tree {
    if (generation === serving.generation) return serving;
    const tree = { generation };
    this.#unreachable?.register(tree, generation);
    return tree;
  }
}
