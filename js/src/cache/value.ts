/**
 * The form of a kept value: what it takes to serve a tree, and objects of it.
 *
 * ```text
 * value  := magic "ELKV", u32 header_len, u32 check, header, objects
 * header := f64 epoch, u32 root_version, u32 first_root, u32 head_len, u32 roots, u32 rows,
 *           u32 root_len[roots], (u32 place, u32 length, u32 tag)[rows], head, roots
 * ```
 *
 * All numbers are little-endian; the objects lie in the order of the rows. The core proves heads, roots and objects; the check only
 * tells a header that was damaged, so that it is not taken for an older one.
 */
import type { Holding, Row } from "../engine/holding.js";
import type { Need, Parts } from "../engine/parts.js";
import { CacheError } from "../errors.js";
import { LIMIT } from "../generated/codes.js";
import type { Pieces } from "./pieces.js";

const MAGIC = 0x56_4b_4c_45; // "ELKV"
/** Bytes before the header, and of its fixed fields. */
const [BEFORE, FIXED] = [12, 28];
/** Bytes of a row. */
const ROW = 12;

/** FNV-1a: whatever single byte changes, it changes too. */
function checkOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** The beginning of a value, up to its objects. */
export function beginning({ head, roots, firstRoot, rootVersion, epoch }: Holding, rows: readonly Row[]): Uint8Array<ArrayBuffer> {
  const signed = roots.reduce((sum, root) => sum + root.length, head.length);
  const bytes = new Uint8Array(BEFORE + FIXED + 4 * roots.length + ROW * rows.length + signed);
  const view = new DataView(bytes.buffer);
  let at = BEFORE;
  const number = (value: number) => {
    view.setUint32(at, value, true);
    at += 4;
  };
  view.setFloat64(at, epoch, true);
  at += 8;
  [rootVersion, firstRoot, head.length, roots.length, rows.length, ...roots.map((root) => root.length)].forEach(number);
  for (const row of rows) [row.place, row.length, row.tag].forEach(number);
  for (const part of [head, ...roots]) {
    bytes.set(part, at);
    at += part.length;
  }
  at = 0;
  [MAGIC, bytes.length - BEFORE, checkOf(bytes.subarray(BEFORE))].forEach(number);
  return bytes;
}

/** A value that was read. Its objects stay where they are. */
export class Value implements Parts {
  readonly head: Uint8Array;
  readonly roots: readonly Uint8Array[];
  /** Version of the first of the roots. */
  readonly firstRoot: number;
  readonly rootVersion: number;
  readonly epoch: number;
  /** What the object at each place begins with in its digest. */
  readonly tags = new Map<number, number>();
  /** Has objects that this one lacks. */
  more: Parts | undefined;
  readonly #pieces: Pieces;
  readonly #rows = new Map<number, { at: number; length: number }>();

  /** How many bytes it takes to read all but the objects, as far as that is known. */
  static headerEnd(begun: Pieces): number {
    const length = begun.read(4, 4);
    return length === undefined ? BEFORE : BEFORE + new DataView(length.buffer, length.byteOffset, 4).getUint32(0, true);
  }

  /**
   * Throws a {@link CacheError} for what is no value, or not all of one.
   *
   * @param whole whether its objects are to be there, too
   */
  constructor(pieces: Pieces, whole = true) {
    this.#pieces = pieces;
    const damaged = () => new CacheError("content", "not what an edge has kept, or damaged");
    const view = (at: number, length: number) => {
      const bytes = pieces.read(at, length);
      if (bytes === undefined) throw damaged();
      return new DataView(bytes.buffer, bytes.byteOffset, length);
    };
    const before = view(0, BEFORE);
    const length = before.getUint32(4, true);
    if (before.getUint32(0, true) !== MAGIC || length < FIXED) throw damaged();
    const header = view(BEFORE, length);
    const bytes = new Uint8Array(header.buffer, header.byteOffset, length);
    if (before.getUint32(8, true) !== checkOf(bytes)) throw damaged();
    const word = (at: number) => header.getUint32(at, true);
    const [headLength, roots, rows] = [word(16), word(20), word(24)];
    let at = FIXED + 4 * roots + ROW * rows;
    if (roots > LIMIT.rootChain || at > length) throw damaged();
    const signed = (size: number) => bytes.slice(at, (at += size));
    this.epoch = header.getFloat64(0, true);
    [this.rootVersion, this.firstRoot] = [word(8), word(12)];
    this.head = signed(headLength);
    this.roots = Array.from({ length: roots }, (_, index) => signed(word(FIXED + 4 * index)));
    let end = BEFORE + length;
    for (let row = FIXED + 4 * roots; row < FIXED + 4 * roots + ROW * rows; row += ROW) {
      const [place, size] = [word(row), word(row + 4)];
      this.#rows.set(place, { at: end, length: size });
      this.tags.set(place, word(row + 8));
      end += size;
    }
    if (at !== length || (whole && end !== pieces.length)) throw damaged();
  }

  object(need: Need): Uint8Array | undefined {
    const row = this.#rows.get(need.place);
    if (row === undefined) return this.more?.object(need);
    return row.length <= need.length ? this.#pieces.read(row.at, row.length) : undefined;
  }

  at(place: number): Uint8Array | undefined {
    const row = this.#rows.get(place);
    return row === undefined ? this.more?.at?.(place) : this.#pieces.read(row.at, row.length);
  }
}
