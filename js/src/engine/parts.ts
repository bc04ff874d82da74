/** Where objects of a tree can be had at once. They are only bytes here: the core proves each one that it takes. */
import type { Row } from "./holding.js";
import type { Instance, Place } from "./instance.js";

/** An object that a tree lacks. */
export interface Need {
  /** Where it stands in its tree, as the core numbers places. */
  readonly place: number;
  readonly length: number;
  /** Where it begins in a bundle, in bytes from the top page. */
  readonly offset: number;
  /** Its name, in hex. */
  readonly digest: string;
}

export interface Parts {
  /** What is said to be this object. */
  object(need: Need): Uint8Array | undefined;
  /** What is said to be the object at a place, where that is known without its length. */
  at?(place: number): Uint8Array | undefined;
}

/** A bundle in memory. */
export class BundleParts implements Parts {
  readonly #tree: Uint8Array;

  /** @param treeBytes of the tree with which the bundle ends */
  constructor(bundle: Uint8Array, treeBytes: number) {
    this.#tree = bundle.subarray(Math.max(0, bundle.length - treeBytes));
  }

  object({ offset, length }: Need): Uint8Array {
    return this.#tree.subarray(offset, offset + length);
  }
}

/** Numbers of each group in the core's table of objects: address and number of its rows. */
const GROUP = 2;
/** Numbers of each row: place, address, length, beginning of the digest. */
const ROW = 4;

/** The core's table of objects, which lies at an address and has so many groups. */
export function rowsOf(instance: Instance, { at, length }: Place): Row[] {
  const { buffer } = instance.exports.memory;
  const index = new Uint32Array(buffer, at, length * GROUP);
  const rows: Row[] = [];
  for (let group = 0; group < index.length; group += GROUP) {
    const [from, count] = index.subarray(group) as unknown as [number, number];
    const words = new Uint32Array(buffer, from, count * ROW);
    for (let row = 0; row < words.length; row += ROW) {
      const [place, at, length, tag] = words.subarray(row) as unknown as [number, number, number, number];
      rows.push({ place, at, length, tag });
    }
  }
  return rows;
}

/** The objects in the memory of an instance that has stopped, and after those what that instance had at hand itself. */
export class MemoryParts implements Parts {
  /** Where each object lies, by its place. */
  readonly #places: ReadonlyMap<number, Place>;
  readonly #instance: Instance;
  readonly #more: Parts | undefined;

  /** @param table where the core's table lies in that memory: an address, and the number of groups */
  constructor(instance: Instance, table: Place, more: Parts | undefined) {
    this.#instance = instance;
    this.#more = more;
    this.#places = new Map(rowsOf(instance, table).map((row) => [row.place, row]));
  }

  object(need: Need): Uint8Array | undefined {
    return this.#here(need.place) ?? this.#more?.object(need);
  }

  at(place: number): Uint8Array | undefined {
    return this.#here(place) ?? this.#more?.at?.(place);
  }

  #here(place: number): Uint8Array | undefined {
    const found = this.#places.get(place);
    return found && this.#instance.bytes(found);
  }
}
