// A publisher of its own, written from SPEC.md: signs whatever it is told to, as a realm would, or a thief of one of its keys.
import { createHash, createPrivateKey, createPublicKey, sign } from "node:crypto";

const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const u16 = (value) => Buffer.from(Uint16Array.of(value).buffer);
const u32 = (...values) => Buffer.from(Uint32Array.from(values).buffer);
const u64 = (value) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const text8 = (text) => Buffer.concat([Buffer.of(text.length), Buffer.from(text)]);
const magic = (name, format = 1) => Buffer.concat([Buffer.from(name), u16(format)]);

/** The key pair whose 32-byte seed repeats `n`: as in the fixture, where 1 signs roots and 2 publishes. */
function signer(n) {
  const key = createPrivateKey({ key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, n)]), format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
  return { publicKey, sign: (message) => sign(null, message, key) };
}

function signed(name, role, statement, seeds) {
  const message = Buffer.concat([Buffer.from("edgelatch signature\0"), Buffer.of(role), u16(1), statement]);
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

/** A tree of `count` keys that nobody holds, 24 bytes each; another `variant` has other ids. */
export function tree(count, variant = 0) {
  let bits = 0;
  while (count > 256 * 2 ** bits) bits++;
  const [shards, pages] = [2 ** bits, Math.max(1, 2 ** bits / 256)];
  const empty = u32(0);
  const list = (...items) => {
    let end = 0;
    return Buffer.concat([u32(items.length), ...items.map((item) => u32((end += item.length))), ...items]);
  };
  const directory = Buffer.concat([magic("ELDR"), Buffer.of(3, 0), u32(0), empty, empty, empty, list(Buffer.alloc(0)), list(Buffer.of(0))]);
  const objects = Array.from({ length: shards }, (_, shard) => {
    const rows = Math.floor((count * (shard + 1)) / shards) - Math.floor((count * shard) / shards);
    const high = Buffer.alloc(8 * rows);
    const records = Buffer.alloc(16 * rows);
    for (let row = 0; row < rows; row++) {
      // The stored number begins with the shard's bits and goes on with the row, so that all ascend.
      high.writeBigUInt64LE((bits === 0 ? 0n : BigInt(shard) << BigInt(64 - bits)) | BigInt(row), 8 * row);
      records.writeBigUInt64LE(BigInt(variant), 16 * row + 8);
    }
    const subjects = rows === 0 ? empty : list(Buffer.concat([text8("org"), Buffer.from("owner")]));
    return Buffer.concat([magic("ELSH"), u16(0), u32(rows), Buffer.alloc(8), high, records, empty, empty, subjects, empty]);
  });
  const perPage = Math.min(256, shards);
  let total = 0;
  const ends = [];
  const index = Array.from({ length: pages }, (_, page) => {
    const of = objects.slice(page * perPage, (page + 1) * perPage);
    let end = 0;
    const bytes = Buffer.concat([magic("ELPG"), u16(of.length), ...of.map(sha256), ...of.map((shard) => u32((end += shard.length)))]);
    ends.push((total += end));
    return bytes;
  });
  const top = Buffer.concat([magic("ELTP"), Buffer.of(bits, 0), u64(count), sha256(directory), u32(directory.length, pages), ...index.map(sha256), ...ends.map(u64)]);
  return { top: top.length, bytes: Buffer.concat([top, ...index, directory, ...objects]), records: count };
}
