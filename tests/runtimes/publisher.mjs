// A publisher of its own, written from SPEC.md: signs whatever it is told to, as a realm would, or a thief of one of its keys.
import { createHash, createPrivateKey, createPublicKey, sign } from "node:crypto";

const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const u16 = (value) => Buffer.from(Uint16Array.of(value).buffer);
const u32 = (...values) => Buffer.from(Uint32Array.from(values).buffer);
const u64 = (value) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const text8 = (text) => Buffer.concat([Buffer.of(text.length), Buffer.from(text)]);
const FORMAT = 2;
const magic = (name) => Buffer.concat([Buffer.from(name), u16(FORMAT)]);

/** The key pair whose 32-byte seed repeats `n`: as in the fixture, where 1 signs roots and 2 publishes. */
function signer(n) {
  const key = createPrivateKey({ key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, n)]), format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
  return { publicKey, sign: (message) => sign(null, message, key) };
}

function signed(name, role, statement, seeds) {
  const message = Buffer.concat([Buffer.from("edgelatch signature\0"), Buffer.of(role), u16(FORMAT), statement]);
  const pairs = seeds.map(signer).map((key) => Buffer.concat([key.publicKey, key.sign(message)])).sort(Buffer.compare);
  return Buffer.concat([magic(name), u32(statement.length), statement, Buffer.of(pairs.length), ...pairs]);
}

const roleKeys = (threshold, seeds) => Buffer.concat([Buffer.of(threshold, seeds.length), ...seeds.map((n) => signer(n).publicKey).sort(Buffer.compare)]);

/** A root; its own and the signers' keys are 1 unless told otherwise. */
export function root({ realm = "acme", version = 2, issuedAt = 1, expiresAt = 2 ** 40, era = 1, minEpoch = 1, publisher = [2], by = [1] }) {
  const statement = Buffer.concat([text8(realm), u16(1), u32(version), u64(issuedAt), u64(expiresAt), u32(era), u64(minEpoch), roleKeys(1, [1]), roleKeys(1, publisher)]);
  return signed("ELRT", 1, statement, by);
}

/** Head and bundle over a tree of {@link treeOf} or {@link tree}. */
export function publish({ realm = "acme", rootVersion = 1, epoch, issuedAt, life, tree, by = [2] }) {
  const statement = Buffer.concat([
    text8(realm), u16(1), u32(rootVersion), u64(epoch), u64(issuedAt), u64(issuedAt + life), sha256(tree.bytes.subarray(0, tree.top)), u64(tree.bytes.length), u64(tree.records),
  ]);
  const head = signed("ELHD", 2, statement, by);
  return { head, bundle: Buffer.concat([magic("ELBN"), u16(0), u32(head.length, tree.top), head, tree.bytes]) };
}

/** The tree of somebody else's bundle. */
export function treeOf(bundle) {
  const view = Buffer.from(bundle);
  const [head, top] = [view.readUInt32LE(8), view.readUInt32LE(12)];
  return { top, bytes: view.subarray(16 + head), records: view.readBigUInt64LE(16 + head + 8) };
}

const slot = (object) => Buffer.concat([sha256(object), u32(object.length)]);
const hex = (bytes) => bytes.toString("hex");

/** A list of a shard, of fewer than 65,536 bytes. */
function list(...items) {
  const bytes = Buffer.concat(items);
  let end = 0;
  const ends = items.map((item) => (end += item.length));
  const [width, narrow] = end < 256 ? [1, (value) => Buffer.of(value)] : [2, u16];
  return Buffer.concat([u32(items.length), Buffer.of(width), ...ends.map(narrow), bytes]);
}

/** A shard of records `{ high, low, state }` in their order, all with the same id. */
function shard(records, id) {
  const rows = records.length;
  const [highs, hot, ids] = [8, 9, 8].map((width) => Buffer.alloc(width * rows));
  records.forEach(({ high, low, state }, row) => {
    highs.writeBigUInt64LE(high, 8 * row);
    hot.writeBigUInt64LE(low, 9 * row);
    hot[9 * row + 8] = state;
    ids.writeBigUInt64LE(BigInt(id), 8 * row);
  });
  const subjects = rows === 0 ? list() : list(Buffer.concat([text8("org"), Buffer.from("owner")]));
  return Buffer.concat([magic("ELSH"), u16(0), u32(rows), Buffer.of(1, 0, 0, 0, 0, 0, 0), Buffer.alloc(1), highs, hot, ids, subjects, list()]);
}

/** Records of shard `number` that nobody holds. */
function nobody(bits, number, rows) {
  const first = bits === 0 ? 0n : BigInt(number) << BigInt(64 - bits);
  return Array.from({ length: rows }, (_, row) => ({ high: first | BigInt(row), low: 0n, state: 0 }));
}

const REVOKED = 1;
const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const digits = (value, width) => Array.from({ length: width }, (_, place) => BASE62[Number((BigInt(value) / 62n ** BigInt(width - 1 - place)) % 62n)]).join("");

function crc32(text) {
  let crc = -1;
  for (const byte of Buffer.from(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** The text of a key: well formed, and of no realm unless a tree holds it. */
export function keyText(number) {
  const text = `test_${digits(number, 30)}`;
  return text + digits(crc32(text), 6);
}

function recordOf(text, state) {
  const digest = sha256(text);
  return { high: digest.readBigUInt64BE(0), low: digest.readBigUInt64BE(8), state };
}

/**
 * A tree of `count` keys that nobody holds, about 25 bytes each. In the shards of `changed`, a map from their numbers, other ids stand.
 * `objects` has each object by its place, as patches number places.
 */
export function tree(count, changed = {}) {
  const bits = bitsOf(count);
  const rows = (number) => Math.floor((count * (number + 1)) / 2 ** bits) - Math.floor((count * number) / 2 ** bits);
  return treeOfShards(bits, count, (number) => shard(nobody(bits, number, rows(number)), changed[number] ?? 0));
}

/** A tree of the keys with these texts, those of `revoked` are, and of so many `others` that nobody holds. */
export function treeOfKeys(texts, revoked = new Set(), others = 0) {
  const bits = bitsOf(texts.length + others);
  const shards = Array.from({ length: 2 ** bits }, (_, number) => nobody(bits, number, Math.floor(others / 2 ** bits)));
  for (const text of texts) {
    const record = recordOf(text, revoked.has(text) ? REVOKED : 0);
    shards[bits === 0 ? 0 : Number(record.high >> BigInt(64 - bits))].push(record);
  }
  const order = (a, b) => (a.high < b.high ? -1 : 1);
  const count = shards.reduce((sum, shard) => sum + shard.length, 0);
  return treeOfShards(bits, count, (number) => shard(shards[number].sort(order), 0));
}

function bitsOf(count) {
  let bits = 0;
  while (count > 256 * 2 ** bits) bits++;
  return bits;
}

function treeOfShards(bits, count, leaf) {
  const [shards, perPage] = [2 ** bits, Math.min(256, 2 ** bits)];
  const leaves = Array.from({ length: shards }, (_, number) => leaf(number));
  const pages = Array.from({ length: shards / perPage }, (_, page) => Buffer.concat([magic("ELPG"), u16(perPage), ...leaves.slice(page * perPage, (page + 1) * perPage).map(slot)]));
  const directory = Buffer.concat([magic("ELDR"), Buffer.of(3, 0), u32(0), u32(0, 0, 0, 0)]);
  const top = Buffer.concat([magic("ELTP"), Buffer.of(bits, 0), u64(count), slot(directory), u32(pages.length), ...pages.map(slot)]);
  const objects = new Map([[0, top], [1, directory], ...pages.map((page, number) => [2 + 8 * number, page]), ...leaves.map((leaf, number) => [7 + 8 * number, leaf])]);
  return { top: top.length, bytes: Buffer.concat([...objects.values()]), records: count, objects, id: hex(sha256(top)) };
}

/** The objects of a tree by their digests, as a publisher puts them to `objects/<digest>`. */
export function objectsOf({ objects }) {
  return new Map([...objects.values()].map((object) => [hex(sha256(object)), object]));
}

function varint(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Buffer.of(...bytes, value);
}

/** What two objects begin with and what they end with is copied, the rest is inserted. */
function delta(from, to) {
  let [start, end] = [0, 0];
  const most = Math.min(from.length, to.length);
  while (start < most && from[start] === to[start]) start++;
  while (end < most - start && from[from.length - 1 - end] === to[to.length - 1 - end]) end++;
  const middle = to.subarray(start, to.length - end);
  const distance = from.length - end - start; // from where the first copy ended; never negative, so its zigzag is twice that
  return Buffer.concat([
    ...(start > 0 ? [varint(2 * start), varint(0)] : []),
    ...(middle.length > 0 ? [varint(2 * middle.length + 1), middle] : []),
    ...(end > 0 ? [varint(2 * end), varint(2 * distance)] : []),
  ]);
}

/** The patch that leads from one tree of {@link tree} to another. */
export function patch(from, to) {
  const steps = [...to.objects].flatMap(([place, object]) => {
    const old = from.objects.get(place) ?? Buffer.alloc(0);
    if (old.equals(object)) return [];
    const step = delta(old, object);
    return [varint(place), varint(step.length), step];
  });
  return Buffer.concat([magic("ELPT"), u16(0), Buffer.from(from.id, "hex"), Buffer.from(to.id, "hex"), u32(to.top), ...steps]);
}
