//! Every bound of the format and of the request path, each with its reason.

/// A page of the index points at this many shards: 9 kB, so one hash call of a fraction of a millisecond.
pub const SHARDS_PER_PAGE: usize = 256;
/// A shard holds this many records on average at most: 8 kB, a few pieces of a network packet, 25 µs to check.
pub const RECORDS_PER_SHARD: u64 = 256;
/// 2^20 shards: 268 million keys at the usual size, far beyond the memory of an edge, and a top page below 200 kB.
pub const MAX_SHARD_BITS: u8 = 20;
/// Records of one shard. Imported digests may crowd one shard, so this is far above the average; it also keeps a record's
/// place (20 bits of shard, 22 of index) inside the 53 bits that a JavaScript number holds exactly.
pub const MAX_SHARD_RECORDS: u32 = 1 << 22;
/// Bytes of a whole bundle: what 32-bit wasm memory holds beside its own needs.
pub const MAX_BUNDLE_BYTES: u64 = 3 << 30;
/// Public keys of one role: more signers than any ceremony has, few enough to verify each one.
pub const MAX_ROLE_KEYS: u8 = 16;
/// Signatures on one statement: a root carries those of the old and of the new root role.
pub const MAX_SIGNATURES: u8 = 2 * MAX_ROLE_KEYS;
/// Roots that one update may bring: more rotations than an edge misses in its life.
pub const MAX_ROOT_CHAIN: usize = 64;
/// Bytes of a realm's name, which appears in URLs and in the challenge.
pub const MAX_REALM_BYTES: usize = 64;
/// Bytes of an org or owner identifier.
pub const MAX_ID_BYTES: usize = 64;
/// Bytes of a key's or role's name: its length is one byte in the format.
pub const MAX_NAME_BYTES: usize = 128;
/// Bytes of a key's custom metadata, JSON text.
pub const MAX_METADATA_BYTES: usize = 4096;
/// Bytes of a permission, pattern or service name.
pub const MAX_PERMISSION_BYTES: usize = 128;
/// Segments of a permission or pattern; matching compares each with each at most.
pub const MAX_SEGMENTS: usize = 16;
/// Bytes of an object: one shard of the most records, crowded by imports, has some hundred megabytes.
pub const MAX_OBJECT_BYTES: u32 = 1 << 28;
/// Entries of a chunk of the directory: of usual policies some ten kilobytes, so that a change of one entry costs little to hash.
pub const CHUNK_ENTRIES: usize = 64;
/// Chunk numbers of a table: entries have 30 bits then, so that a record's state has room for two flags beside its role set.
pub const MAX_CHUNK_NUMBER: u32 = 1 << 24;
/// Chunks of a table: four million entries, and a directory of at most ten megabytes.
pub const MAX_TABLE_CHUNKS: usize = 1 << 16;
/// Bytes of a chunk: 64 roles of the most and longest patterns have 2.1 MB, 64 policies of two full lists of a thousand IPv6 networks
/// 2.2 MB. So no tenant can fill a chunk, and hashing one takes some milliseconds at most.
pub const MAX_CHUNK_BYTES: u32 = 4 << 20;
/// Bytes of a patch: a longer one says little less than the bundle.
pub const MAX_PATCH_BYTES: usize = 64 << 20;
/// Operations of a delta: the most that a change of every record of a shard takes, with room for objects of other kinds.
pub const MAX_DELTA_OPERATIONS: usize = 1 << 16;
/// Trees that were replaced and are kept for verdicts given under them, so that an identity can be read as long as a request lives.
pub const MAX_PAST_TREES: usize = 64;
/// All of them together may hold this part of what the tree being served takes, beyond what they share with it: one sixteenth. The last one may
/// hold more until the next tree is begun: what memory that needs, the switch has needed before.
pub const PAST_SHARE: usize = 16;
/// Or this many bytes, if that is more: a tree of one shard changes as a whole, and costs little.
pub const MIN_PAST_ROOM: usize = 256 * 1024;
/// Bytes of shards and chunks that a lazy edge keeps, at least: some thirty shards of the usual size, so that those under way to requests
/// do not push each other out.
pub const MIN_LAZY_BYTES: usize = 256 * 1024;
/// And at most: no tree has more.
pub const MAX_LAZY_BYTES: usize = 3 << 30;
/// One eighth of them is for what has served no key yet; the rest is out of reach of whoever makes keys up.
pub const PROBATION_SHARE: usize = 8;
/// While a lazy edge puts an update together, it takes half of them again at the most: both trees are in memory then, and an update seldom
/// changes much of what an edge holds. What does not fit is fetched when it is needed.
pub const UPDATE_SHARE: usize = 2;
/// Objects among which the one is chosen that was not used for longest: caches that choose among ten are close to those that know the order
/// of all (Redis), and no call looks at more.
pub const EVICTION_SAMPLE: usize = 16;
/// Objects a second that a lazy edge fetches where the host names no other number: a cold edge knows its busy shards in seconds, and ten
/// thousand edges in a flood ask an object store for a million a second, which the largest answer.
pub const DEFAULT_FETCHES: u32 = 100;
/// The most that a host may name.
pub const MAX_FETCHES: u32 = 10_000;
/// Keys that a lazy edge remembers to have found, at the most: a dozen for each shard that eight megabytes hold, in 128 kB.
pub const SEEN_KEYS: usize = 1 << 14;
/// Patterns of one role: each is named, so more of them are a case for a `*`.
pub const MAX_ROLE_PATTERNS: usize = 256;
/// Roles of one key, or of one owner whose keys have them: more than any predefined set has. With the limit above, one question
/// about a permission looks at 8,192 patterns at the most.
pub const MAX_SET_ROLES: usize = 32;
/// Permissions of which a route requires any or all: a longer list is a case for a permission of its own. Each is one such question.
pub const MAX_DEMANDED: usize = 8;
/// Services of one scope: a longer list is a case for "all" or for a second key.
pub const MAX_SCOPE_SERVICES: usize = 128;
/// Requirements that one edge compiles; routes are few, and a host that made them up per request would leak otherwise.
pub const MAX_REQUIREMENTS: usize = 4096;
/// The last epoch, and the last second of any time, 2^53 - 1: every reader's numbers hold it exactly, also JavaScript's.
pub const MAX_EPOCH: u64 = (1 << 53) - 1;
/// Bytes of a head: its statement with the longest realm, and every signature that may stand on it.
pub const MAX_HEAD_BYTES: usize = 4096;
/// Bytes of a root: its statement with two full roles, and every signature that may stand on it.
pub const MAX_ROOT_BYTES: usize = 8192;
/// Bytes of a top page: that of 2^20 shards has 164 kB.
pub const MAX_TOP_BYTES: usize = 256 * 1024;
/// Bytes by which a bundle may be longer than the tree that its head announces, at least: the publisher may put a later one in
/// its place between two fetches, and small trees grow by much at once.
pub const MIN_BUNDLE_ROOM: u64 = 1 << 20;
/// Route tables that one edge keeps: one for each program behind it, not one per request.
pub const MAX_ROUTE_TABLES: usize = 64;
/// Bytes of a route table's text: a hundred for each of some hundred routes; it bounds what the table takes in memory.
pub const MAX_ROUTE_TABLE_BYTES: usize = 64 * 1024;
/// Entries of a route table: more than a program has routes, few enough that each can have a requirement of its own.
pub const MAX_ROUTES: usize = 1024;
/// Segments of a pattern in a route table; a look-up goes as deep.
pub const MAX_ROUTE_SEGMENTS: usize = 32;
/// Bytes that must be free beside each object that is taken: a page's list of shards, twice while it grows, is the most that is noted of one. What
/// is allocated without asking finds them there, where asking for each of many small pieces would be as many ways to fail.
pub const WORKING_ROOM: usize = 32 * 1024;
/// Seconds by which an edge's clock may lag behind the publisher's and still accept a fresh head.
pub const CLOCK_TOLERANCE: u64 = 300;
/// Longest life of a head, seconds (30 days): bounds how long a replayed or leaked head can be of use.
pub const MAX_HEAD_LIFETIME: u64 = 30 * 24 * 3600;
/// Longest grace after a head's `not_after` that a host may grant, seconds (30 days).
pub const MAX_GRACE: u64 = 30 * 24 * 3600;
/// Bytes of a presented credential that are looked at; longer ones are refused unhashed.
pub const MAX_CREDENTIAL_BYTES: usize = 512;
/// Bytes of an imported key's text.
pub const IMPORTED_KEY_BYTES: core::ops::RangeInclusive<usize> = 16..=255;
/// Bytes of a key prefix: with the rest the key fits one SHA-256 block of 55 bytes.
pub const MAX_PREFIX_BYTES: usize = 18;
/// Bytes of a pepper: HMAC-SHA-256 gains nothing beyond its block, and less than 16 is a password.
pub const PEPPER_BYTES: core::ops::RangeInclusive<usize> = 16..=64;
/// Peppers that an edge is given, and that a realm has: the one in use, the next one and the one before, and one to spare.
pub const MAX_PEPPERS: usize = 4;
/// Bytes of a request block: what common servers accept as a whole header section, and the size of the scratch area.
pub const MAX_BLOCK: usize = 16 * 1024;
/// Header lines of a request block: hosts pass only the lines that count, and a chain of proxies is far shorter.
pub const MAX_LINES: usize = 128;
/// Proxies that a hop count may name: longer chains are misconfiguration.
pub const MAX_HOPS: u8 = 32;
/// Parameters of one element of `Forwarded`: four are registered, and each is compared with those before it.
pub const MAX_FORWARDED_PARAMETERS: usize = 16;
/// Bytes of an address and a port in `Forwarded`, without quotes and escapes: the longest IPv6 text in brackets has 47, which leaves a name in the
/// place of the port eighty.
pub const MAX_FORWARDED_NODE_BYTES: usize = 128;
/// Networks of one trust list: the published ranges of a large CDN are some hundreds.
pub const MAX_TRUSTED: usize = 1024;
