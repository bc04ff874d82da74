/** Requests as they lie in the memory of an instance, and what it notes of them. */

/** A request block, and the number under which it was written into an instance last, of which each is given once. */
export interface Laid {
  readonly block: string;
  laid: number;
}

/** What a report says of a request beside its verdict. */
export interface Note {
  /** The public id of the key that was found. */
  readonly keyId: string | undefined;
  /** The client's address by the configured rule. */
  readonly client: string | undefined;
}

/** The number of a block that was written nowhere yet. */
export const NOT_LAID = 0;
export const NOTHING_LAID = -1;
let lays = NOT_LAID;

/** The next of these numbers. */
export function nextLay(): number {
  return ++lays;
}

/** A short text of ASCII characters: a string of its own, which keeps nothing else in memory. */
export function ascii(bytes: Uint8Array, at: number, length: number): string {
  let text = "";
  for (let place = at; place < at + length; place++) text += String.fromCharCode(bytes[place] as number);
  return text;
}

/** The id of a key, of 15 characters. They are read at once: one by one, each would make a string of its own. */
export function keyIdAt(b: Uint8Array, at: number): string {
  const char = (n: number) => b[at + n] as number;
  return String.fromCharCode(
    char(0), char(1), char(2), char(3), char(4), char(5), char(6), char(7), char(8), char(9), char(10), char(11), char(12), char(13), char(14),
  );
}
