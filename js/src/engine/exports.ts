/**
 * The boundary to the wasm module, as `wasm/src/lib.rs` draws it: what the module exports, and the numbers and characters that
 * stand for something there. Only numbers cross it; text and bytes go through areas of the module's memory.
 */
export interface Exports {
  readonly memory: WebAssembly.Memory;
  key_ptr(): number;
  key_len(): number;
  ip_ptr(): number;
  ip_len(): number;
  block_ptr(): number;
  block_len(): number;
  text_ptr(): number;
  text_len(): number;
  table_ptr(): number;
  input(length: number): number;
  open(rootLength: number): number;
  compile(serviceLength: number, permissionLength: number): number;
  compile_routes(): number;
  verify_key(keyLength: number, ipLength: number, requirement: number, now: number): number;
  verify_block(length: number, requirement: number, now: number): number;
  verify_noting(length: number, requirement: number, now: number): number;
  note_ptr(): number;
  note_len(): number;
  identity(packed: number, generation: number): number;
  grants(packed: number, generation: number): number;
  client(length: number): number;
  release(generation: number): void;
  path(length: number): number;
  offer(now: number): number;
  stage_root(): number;
  begin(now: number): number;
  feed(): number;
  patch(): number;
  check(budget: number): number;
  working(): number;
  ready(): number;
  complete(): number;
  stage_supply(place: number): number;
  supply(place: number): number;
  stage_needs(from: number, limit: number): number;
  needs(from: number, limit: number): number;
  fetch(packed: number, now: number): number;
  lazy_stats(): number;
  trees(): number;
  stage_bytes(): number;
  objects(): number;
  commit(now: number): number;
  abort(): void;
  generation(): number;
  epoch(): number;
  issued_at(): number;
  root_version(): number;
  floor(): number;
  realm(): number;
  interest(): number;
}

/** Length of a text that is absent. */
export const NO_TEXT = 0xffff_ffff;
/** Length of a text that did not fit its area, which is larger than anything the core accepts. */
export const TOO_LONG = 0xffff_fffe;

/** What `verify_noting` leaves: how the client's address is told, the characters of a key's id unless the first is 0, and those of the address. */
export const Noted = { how: 0, keyId: 1, address: 16 } as const;
/** Says that the client's address is that of the connection, as it was given. Any other number is the length of its text. */
export const AS_GIVEN = 255;

/** `identity` answers where its text lies plus this times its length. */
export const LENGTH = 2 ** 32;

/** What `offer` answers. From `treeNeeded` on, the rest of the number is the most bytes that the tree's bundle can have. */
export const Offer = { unchanged: 0, renewed: 1, rootNeeded: 2, treeNeeded: 3 } as const;
/** What `offer` answers. */
export type Offer = (typeof Offer)[keyof typeof Offer];

/** What `fetch` answers: the object may not be fetched now; it may, and a line says what it is; it is here. */
export const Fetch = { refused: 0, granted: 1, here: 2 } as const;

/** By which the place of a missing object, plus 1, is multiplied in the packed verdict that asks for it. */
const PLACE = 1024;

/** In a packed verdict that asks for an object: the flag that the key was found before. */
export const RETURNING = 512;

/** The number of the place, plus 1, of the object that a packed verdict asks for. */
export const placeNeeded = (packed: number) => Math.floor(packed / PLACE);

/** Between the fields that `identity` leaves. */
export const FIELD_SEPARATOR = "\x1f";
/** Between the items of a field that is a list. */
export const ITEM_SEPARATOR = "\x1e";
/** The fields that `identity` leaves, in this order. */
export const IDENTITY = { keyId: 0, org: 1, owner: 2, name: 3, expiresAt: 4, roles: 5, services: 6, metadata: 7 } as const;
/** Stands for every service in a list of services. */
export const ALL_SERVICES = "*";

/** Objects that one answer can lack: a shard, and of the directory a chunk with the policy, the scope, the role set and each of 32 roles. */
export const MAX_BROUGHT = 4 + 32;
