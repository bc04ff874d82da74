//! Every bound of the registry, each with its reason. Bounds of the format itself are in `edgelatch_core::limits`.

use edgelatch_core::limits as core;

/// Bytes of a slug: what the snapshot's identity table takes.
pub const MAX_SLUG_BYTES: usize = core::MAX_ID_BYTES;
/// Bytes of a name: its length is one byte in the snapshot.
pub const MAX_NAME_BYTES: usize = core::MAX_NAME_BYTES;
/// Bytes of a description: a paragraph. It stays in the registry.
pub const MAX_DESCRIPTION_BYTES: usize = 1024;
/// Tags of one key: as many as people give a thing, and each costs a row.
pub const MAX_KEY_TAGS: usize = 16;
/// Bytes of a tag: a word, in whatever script.
pub const MAX_TAG_BYTES: usize = 64;
/// Bytes of the note on an IP entry: a line.
pub const MAX_NOTE_BYTES: usize = 200;
/// Bytes of a key's metadata as compact JSON.
pub const MAX_METADATA_BYTES: usize = core::MAX_METADATA_BYTES;
/// Entries of one IP list, enabled or not: several times what the four systems allow, and a policy stays below 20 kB.
pub const MAX_IP_ENTRIES: usize = 1000;
/// Roles of one key or owner: what the format takes.
pub const MAX_KEY_ROLES: usize = core::MAX_SET_ROLES;
/// Services in one key's scope: what the format takes.
pub const MAX_KEY_SERVICES: usize = core::MAX_SCOPE_SERVICES;
/// Permission patterns of one role: what the format takes.
pub const MAX_ROLE_PATTERNS: usize = core::MAX_ROLE_PATTERNS;
/// Roles of one org: more than people can tell apart, and few enough for one list.
pub const MAX_ORG_ROLES: u64 = 256;
/// Permission patterns in all roles of one org, counted in each role. A key can have the fullest of them together, so this is
/// also what one question of an edge can cost: 0.2 ms.
pub const MAX_ORG_PATTERNS: u64 = 2_048;
/// Different scopes and combinations of roles in one org, of each so many: a thirty-second of what the directory of its realm takes if
/// each is the last one left in its chunk. Keys of one scope, or with the same roles, are one of them however many they are.
pub const MAX_ORG_ENTRIES: u64 = 2_048;
/// Bytes of these, of each kind: a thirty-second of what its realm may have. An average of a kilobyte, and a service has some 30 bytes.
pub const MAX_ORG_BYTES: u64 = MAX_TABLE_BYTES / 32;
/// Different IP policies in one org: often each key has its own, so this is far above the other tables. Numbers that follow one another
/// fill a sixty-fourth of what the directory takes.
pub const MAX_ORG_POLICIES: u64 = 65_536;
/// Bytes of these: a thirty-second of what its realm may have, 500 for each policy. One of 50 IPv4 networks has 260.
pub const MAX_ORG_POLICY_BYTES: u64 = MAX_POLICY_BYTES / 32;
/// Entries of a chunk of the directory. By the other limits here the longest entry, a policy, has 34 kB, so that no chunk is too long for
/// the format.
pub const CHUNK_ENTRIES: u32 = core::CHUNK_ENTRIES as u32;
/// Chunks of one table of a realm's directory: what the format takes. Numbers are not given again, so a chunk may hold few of the entries
/// that it has room for; hence chunks are counted, not entries.
pub const MAX_TABLE_CHUNKS: u64 = core::MAX_TABLE_CHUNKS as u64;
/// The last number of a table: what the format takes, 2^24 chunks. At a thousand new entries a second they last for twelve days, at one
/// for 34 years.
pub const MAX_NUMBER: u32 = CHUNK_ENTRIES * core::MAX_CHUNK_NUMBER - 1;
/// Bytes of all roles that keys of a realm have, of all their combinations, and of all scopes, of each so many: ten thousand orgs with
/// eight roles of eight patterns and twelve scopes of eight services take 25 and 35 MB, and every edge holds them.
pub const MAX_TABLE_BYTES: u64 = 64 << 20;
/// Bytes of all IP policies of a realm: a third of what a tree may have, and four million of 50 IPv4 networks.
pub const MAX_POLICY_BYTES: u64 = 1 << 30;
/// What a record takes of its shard beside its texts, at most: 60 bytes in its columns, 10 in the lists of what repeats, and its part of the
/// shard's beginning and of the page above it (64 bytes for some hundred records).
pub const RECORD_BYTES: u64 = 72;
/// Bytes that the records of a realm take of its tree, at most, each counted at its longest: what the directory's tables, their chunks and
/// slots (which take less than an eighth of a gigabyte) leave of a bundle. Twenty million keys with names.
pub const MAX_RECORD_BYTES: u64 = core::MAX_BUNDLE_BYTES - MAX_POLICY_BYTES - 3 * MAX_TABLE_BYTES - (128 << 20);
/// The same of one org: three quarters, so that no org alone leaves the others nothing.
pub const MAX_ORG_RECORD_BYTES: u64 = MAX_RECORD_BYTES / 4 * 3;
/// Bytes of a realm's records whose digests begin with the same byte: what the format takes for an object. An even spread of the fullest realm
/// has a fortieth of it.
pub const MAX_LEAD_BYTES: u64 = core::MAX_OBJECT_BYTES as u64 - (1 << 20);
/// Bytes of one org's records whose digests begin with the same four bits: half of that, so that no org alone is in the way of others. An even spread
/// of the fullest org has two thirds of it.
pub const MAX_ORG_LEAD_BYTES: u64 = MAX_LEAD_BYTES / 2;
/// Rows of the journal that one act writes, or that one step to a later snapshot reads: with more, the realm is read anew as a whole.
/// That many keys, read a hundred at a time, take a few tenths of a second.
pub const JOURNAL_ROWS: usize = 10_000;
/// Steps of a realm's change counter that the journal goes back: hours of a busy realm. A publisher that was away for longer reads
/// everything. The journal is cut back once in so many steps, so it holds at most twice as many.
pub const JOURNAL_STEPS: u64 = 10_000;
/// Keys on one page of a list: a screenful many times over, and a bounded reply.
pub const MAX_PAGE: usize = 500;
/// Keys on a page when nothing is asked for.
pub const DEFAULT_PAGE: usize = 50;
/// Bytes of the keys on a page, or of the acts, as JSON: with a thousand noted IP entries each, as many as a page may have would be 120 MB. A page
/// ends early that has so much, after one at least.
pub const MAX_PAGE_BYTES: usize = 4 << 20;
/// Keys that are all looked at for a page, and sorted: tens of milliseconds. There are as many as that before reading an order's index is
/// quicker, for one key in as many hundred is found there.
pub const SORTED_KEYS: usize = 3_000;
/// Rows that one index finds for a list, to be looked for in others: some milliseconds.
pub const WIDE_INDEX: usize = 10_000;
/// Rows of an order's index that a list reads first, where it is known among which the keys are; else a page. Twice as many with each further statement.
pub const LIST_STEP: usize = 1_000;
/// Rows of an order's index that are read for one page, at most: some ten milliseconds. A page ends early that has read as many.
pub const LIST_READ: usize = 20_000;
/// Keys that are looked at for one page, at most: likewise.
pub const LIST_TRIED: usize = 4_000;
/// Keys that are looked at by one statement.
pub const LOOKED_AT: usize = 4_096;
/// Of rows read in a list's order, those that are looked at before there is a look whether the page is full.
pub const LIST_LOOKED_AT: usize = 256;
/// Owners whose keys are looked for: those that have a role, or one name in the orgs of a realm. Each is looked for by itself; with more of them,
/// the keys are taken to be many.
pub const OWNERS_LOOKED_FOR: usize = 64;
/// Keys that are looked at to say how many a filter fits at least, where they are too many to be counted: some milliseconds.
pub const COUNTED_KEYS: usize = 250;
/// Runs of three characters of a search that are looked up, and roles of one name: each finds as many rows as keys that have it, a bit each.
pub const SEARCH_RUNS: usize = 16;
/// Terms that are looked up by one statement: with more, a search whose first runs leave few keys would read many others for nothing.
pub const TERMS_AT_ONCE: usize = 4;
/// Blocks of rows that a search for one or two characters reads, which stand for all runs that begin so.
pub const SEARCH_BLOCKS: usize = 5_000;
/// Bytes of a text that count as a row where it is made to be found by: a row of the database holds a run of characters for many keys.
pub const SEARCHED_BYTES: usize = 32;
/// Bytes of a search text.
pub const MAX_SEARCH_BYTES: usize = 128;
/// Latest time accepted anywhere: the last second of year 9999, where RFC 3339 ends.
pub const MAX_TIME: u64 = 253_402_300_799;
/// Earliest time a clock may show (2025-01-01): before it, it was never set, and a head signed now would be refused.
pub const MIN_CLOCK: u64 = 1_735_689_600;
/// Milliseconds to wait for another process's transaction: far above the longest one, short enough to be told.
pub const BUSY_MILLIS: u64 = 5_000;
/// Milliseconds to wait until PostgreSQL may look how large tables are: a vacuum that is under way lets nobody look for minutes, and each step of an import
/// asks anew. Without a look its statements may be slow.
pub const ANALYZE_MILLIS: u64 = 200;
/// Milliseconds between two looks whether another process's SQLite transaction is over: SQLite's own pauses grow to 100, and whoever begins one
/// transaction after the other would hardly ever be met between two.
pub const BUSY_LOOK_MILLIS: u64 = 2;
/// Epochs kept in the ledger; the counter itself lives in the realm, so removing old rows frees no epoch.
pub const LEDGER_ROWS: u64 = 1_000;
/// Prepared statements kept by a connection: every fixed one, and room for the lists' many forms.
pub const STATEMENTS: usize = 128;
/// Connections to PostgreSQL, at most: one writes, the others serve readers beside it.
pub const CONNECTIONS: u32 = 8;
/// Milliseconds for one statement in PostgreSQL: above reading ten million keys, short enough that none stays for ever.
pub const STATEMENT_MILLIS: u64 = 300_000;
/// Milliseconds that an open transaction may do nothing: a node that stalls or vanishes holds up the others no longer.
pub const IDLE_MILLIS: u64 = 30_000;
/// Milliseconds to wait at a start for another node that brings the schema up to date.
pub const MIGRATION_MILLIS: u64 = 120_000;
/// How often a transaction is tried whose connection was lost before its commit, or that met a deadlock.
pub const TRIES: u32 = 3;
/// Bytes of a line of a backup: far more than a row takes, whose longest parts are a body of an event and blocks of 4,096 bits.
pub const MAX_BACKUP_LINE: u64 = 4 << 20;
/// Rows handed over at once while copying a registry.
pub const COPY_ROWS: usize = 1_000;
/// Seconds for which a process may say that it is at work: one that vanished holds up the others no longer, also where the database's clock was set
/// back meanwhile. Whoever is said to be at work for longer is not believed.
pub const MAX_LEASE_SECONDS: u64 = 10;
/// Seconds after which a process is forgotten that is not at work any more.
pub const NODE_SECONDS: u64 = 3_600;
/// Published files that are read at once by a node that copies them: a few megabytes as a rule.
pub const FILES_AT_ONCE: usize = 32;
/// Seconds that a head lives: a shorter life would end while an edge is fetching, a longer one is refused by edges.
pub const HEAD_LIFETIME: std::ops::RangeInclusive<u64> = 60..=edgelatch_core::limits::MAX_HEAD_LIFETIME;
/// KiB of pages that a SQLite connection keeps, at most: the random indices of a million keys, which an import would
/// otherwise write again and again.
pub const CACHE_KIB: u64 = 98_304;
/// Pages of the write-ahead log before SQLite moves them into its file (64 MiB). Usage touches the same pages of the keys again
/// and again; a move after every few batches would write each of them each time.
pub const WAL_PAGES: u64 = 16_384;
/// Bytes of a page of SQLite's, and of its place in the log.
pub const PAGE_BYTES: u64 = 4_096 + 24;
/// KiB of pages that a SQLite connection keeps which only reads: the paths to what lists show.
pub const READER_CACHE_KIB: u64 = 16_384;
/// SQLite connections that read: as many as PostgreSQL's, so that a few long reads hold up nobody else's short ones.
pub const READERS: usize = CONNECTIONS as usize - 1;
/// Seconds that an old secret may live on after a rotation (90 days): longer is no rotation.
pub const MAX_OVERLAP: u64 = 90 * 86_400;
/// Days until an administrator is reminded of a rotation: ten years.
pub const MAX_REMINDER_DAYS: u64 = 3_650;
/// Days that requests are kept: ten years.
pub const MAX_LOG_DAYS: u64 = 3_650;
/// Services that an org lists: more than people tell apart, and few enough to be read with each key that is made.
pub const MAX_SERVICES: u64 = 256;
/// Services in use that a new one is compared with, to name the one that may have been meant: some milliseconds, if all are as long as they may be,
/// while nobody else can write. With more, none is named.
pub const MAX_COMPARED: usize = 256;
/// New services of one key for which that is done.
pub const MAX_GUESSES: usize = 3;
/// Letters that may be wrong, missing, too many or swapped in a service that may have been meant: what a slip is.
pub const MAX_SLIPS: usize = 2;
/// Environments of an org: a choice that people make from a short list.
pub const MAX_ENVIRONMENTS: u64 = 16;
/// Spans offered for an expiry: likewise.
pub const MAX_CHOICES: u64 = 16;
/// Refusals before an alert.
pub const MAX_ALERT_AFTER: u64 = 1_000_000;
/// Bytes of an idempotency key: twice a UUID with room for a prefix.
pub const MAX_IDEMPOTENCY_BYTES: usize = 128;
/// Seconds that an idempotency key is remembered: a day of retries.
pub const IDEMPOTENCY_SECONDS: u64 = 86_400;
/// Keys shown before what is done to many is confirmed: enough to see what kind they are.
pub const SAMPLE: usize = 20;
/// Keys that one transaction changes of many: a thousand statements or two, which take a tenth of a second here and half of one over a network.
/// A revocation waits for no more.
pub const BULK_KEYS: usize = 50;
/// Keys that are named which cannot be changed in the way of many: each is found by a transaction of its own.
pub const MAX_REFUSED_KEYS: usize = 20;
/// Bytes of one line of an import: every field at its longest, some hundred networks, and room for quoting.
pub const MAX_LINE_BYTES: usize = 128 * 1024;
/// Characters of what may be a column's name, and not a secret that must not be repeated: far more than any of ours has.
pub const MAX_COLUMN_CHARS: usize = 32;
/// Digits of such a name: as many as `sha256` has. Secrets have more.
pub const MAX_COLUMN_DIGITS: usize = 3;
/// Refused lines of an import that are reported one by one: more are fixed by a rule, not by hand.
pub const MAX_REFUSALS: usize = 1_000;
/// Rows that one transaction of an import writes or removes, while nobody else writes: a tenth of a second, and a few network round trips for
/// each thousand. A plain key has three.
pub const IMPORT_ROWS: usize = 6_000;
/// Rows for which an entry of the directory counts that comes or goes: some ten statements, one after the other.
pub const ENTRY_ROWS: usize = 20;
/// Milliseconds between two transactions of an import: another process that waits for its turn looks several times meanwhile.
pub const IMPORT_PAUSE_MILLIS: u64 = 5;
/// Seconds after which an import is taken for dead that did nothing: hundreds of times what one of its steps takes, and not long for those who
/// want the names and digests that it holds.
pub const IMPORT_LEASE: u64 = 60;
/// Values looked up by one statement: few round trips, and a statement that is quickly planned.
pub const LOOKUPS: usize = 100;
/// Lines of an import between two reports of its progress.
pub const PROGRESS_LINES: u64 = 1_000;
/// Events of one batch: a minute of a busy edge, and a transaction of a fraction of a second.
pub const MAX_EVENTS: usize = 10_000;
/// Bytes of a batch id or an event id: twice a UUID with room for a prefix.
pub const MAX_EVENT_ID_BYTES: usize = 64;
/// Bytes of an endpoint kept; longer ones are cut.
pub const MAX_ENDPOINT_BYTES: usize = 512;
/// Bytes of a request's method: the longest registered one has 17.
pub const MAX_METHOD_BYTES: usize = 20;
/// Seconds that a batch is remembered (a week). Older events are not counted: their batch could have come before.
pub const BATCH_SECONDS: u64 = 7 * 86_400;
/// Days that sums of usage by the hour are kept: this week beside the last one.
pub const HOUR_BUCKET_DAYS: u64 = 14;
/// Days that sums of usage by the day are kept: this month beside the same of last year.
pub const DAY_BUCKET_DAYS: u64 = 400;
/// Countries that are kept of a key, and as many networks. A key that was used from more has no usual ones.
pub const MAX_KEY_PLACES: usize = 64;
/// Days that a place is kept from which a key is not used any more: whatever is done once a year comes from no new place.
pub const PLACE_DAYS: u64 = 400;
/// Places of a log that one look of an export goes over: some milliseconds, also where nothing that is asked for lies there.
pub const EXPORT_PLACES: u64 = 10_000;
/// Seconds of the window in which refusals are counted for an alert.
pub const FAILURE_WINDOW: u64 = 600;
/// Days that the counts behind alerts are kept.
pub const FAILURE_DAYS: u64 = 2;
/// Bytes of an event's id: `evt_` and 16 drawn bytes in hexadecimal digits, so that none comes twice.
pub const EVENT_ID_BYTES: usize = 36;
/// Bytes of an import's id: `imp_` and 16 drawn bytes in hexadecimal digits, so that none comes twice.
pub const IMPORT_ID_BYTES: usize = 36;
/// Imports that a list shows: those that somebody may still want to look at.
pub const IMPORTS_SHOWN: usize = 20;
/// Rows of imports that such a list is found among, where most are not the caller's to see.
pub const IMPORTS_LOOKED_AT: usize = 1_000;
/// Times that an event is sent: half a day with the pauses below.
pub const EVENT_ATTEMPTS: u64 = 12;
/// Seconds before the second try; each further pause is twice as long, up to the next limit.
pub const EVENT_PAUSE: u64 = 30;
/// Seconds between two tries, at most: four hours.
pub const MAX_EVENT_PAUSE: u64 = 4 * 3_600;
/// Seconds that whoever took an event has to say how it went, before another node may try.
pub const EVENT_LEASE: u64 = 60;
/// Days before a key's end at which it is told that it expires, the most first: time to ask around, to act, and for the last to wake up.
pub const EXPIRY_NOTICE_DAYS: [u64; 3] = [30, 7, 1];
/// Days without a use after which a key is told of: a quarter, in which nearly everything runs once.
pub const UNUSED_NOTICE_DAYS: u64 = 90;
/// Keys that one transaction tells of which expire or are not used: some tens of milliseconds.
pub const NOTICE_ROWS: usize = 200;
/// Bytes of what is kept of why an event could not be delivered: a line.
pub const MAX_EVENT_ERROR_BYTES: usize = 200;
/// Rows that one transaction removes of what was kept long enough: some tens of milliseconds.
pub const PURGE_ROWS: usize = 5_000;
/// Keys of a deleted realm that one transaction removes: each has some ten rows and places in indices.
pub const PURGE_KEYS: usize = 1_000;
/// Days that it is kept that there was an import: far longer than any stalled process still means to go on with its own.
pub const IMPORT_DAYS: u64 = 30;
/// Days that events are kept, whatever became of them: where nothing delivers them, they would grow without end.
pub const EVENT_DAYS: u64 = 30;
/// Days that the record of a secret stays after its overlap: edges say `expired` for so long, `unknown` from then on.
pub const ENDED_SECRET_DAYS: u64 = 30;
/// Keys looked at for one page of those that an address may use.
pub const ADDRESS_SCAN: usize = 50_000;
/// Bytes of an edge's own id and of the name of its SDK: twice a UUID.
pub const MAX_TOKEN_BYTES: usize = 64;
/// Reports of one instance of an edge: what JavaScript counts exactly.
pub const MAX_REPORTS: u64 = 1 << 53;
/// Edges of a realm that are kept track of: twice the fleet that streams are made for, and some megabytes. Of more, those that are
/// gone are forgotten first; while all are live, a further one is not taken, and nothing is said to be everywhere.
pub const MAX_EDGES: u64 = 20_000;
/// Intervals without a report after which an edge is gone: one may be lost and one late.
pub const LIVE_INTERVALS: u64 = 3;
/// Seconds that an edge which is gone is shown for (a day), as long as heads usually live.
pub const GONE_SECONDS: u64 = 86_400;
/// Reports written by one transaction: sixteen statements, so that nobody who changes or publishes something waits for long.
pub const REPORTS_AT_ONCE: usize = 1_000;
/// Rows of one statement that adds many, or changes those that are there: few round trips, and few enough parameters.
pub const ROWS_AT_ONCE: usize = 64;
/// Edges that are named when it is asked who lacks a change; the list has the others.
pub const MAX_NAMED: usize = 100;
/// Damages of a database that are told of: one is enough to restore it from a backup.
pub const DAMAGES: u64 = 5;
/// Seconds without a request after which a sign-in to the console ends: a screen that somebody walked away from.
pub const SESSION_IDLE: u64 = 30 * 60;
/// Seconds after which it ends in any case: a working day.
pub const SESSION_LIFE: u64 = 12 * 3_600;
/// Seconds between two notes that a sign-in is still used: not each request is worth a write.
pub const SESSION_NOTED: u64 = 60;
/// Bytes of the address of an identity provider: longer than any, and short enough for a key's description.
pub const MAX_ISSUER_BYTES: usize = 512;
/// Bytes of a provider's name for somebody (OpenID Connect Core 1.0, section 2).
pub const MAX_SUBJECT_BYTES: usize = 255;
/// Sign-ins of one key, or of one person, at a time: the browsers of a small team. A further one ends the oldest.
pub const SESSIONS_OF_KEY: u64 = 32;
/// Bytes of an address of somebody: as many as mail takes (RFC 5321).
pub const MAX_EMAIL_BYTES: usize = 254;
/// Seconds that an invitation's link counts unless said: somebody may be away for a few days.
pub const LINK_LIFE: u64 = 7 * 86_400;
/// Seconds that it counts at most: it lies in a mailbox, where others may find it.
pub const MAX_LINK_LIFE: u64 = 30 * 86_400;
/// Seconds after a sign-in by which what a rule gave there still bounds whom somebody has invited: the provider tells of a sign-in, and of nothing that
/// comes later. As long as a link counts unless said, so that whoever invites need not come back for it.
pub const GRANT_LIFE: u64 = LINK_LIFE;
/// People who were invited to one realm as a whole, or to one org: far more than administer it, few enough for one list, and nobody who may invite to
/// one place takes up the room of another.
pub const MAX_PEOPLE: u64 = 1_000;
