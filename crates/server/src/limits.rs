//! Every bound of the server, each with its reason.

use std::time::Duration;

/// Bytes of a request's body: a key with every field at its longest takes about as much.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// Bytes of a body with a key's IP lists: two lists of 1,000 entries, each with a note.
pub const MAX_LISTS_BYTES: usize = 1024 * 1024;
/// Bytes of a body with a secret: several times what a credential may have, escaped.
pub const MAX_SECRET_BODY_BYTES: usize = 4 * 1024;
/// Bytes of a report of leaked secrets, which is read before it is known who sends it: as much as a head may have, and hundreds of findings.
pub const MAX_LEAKS_BYTES: usize = 64 * 1024;
/// Findings of one report: each may be a transaction.
pub const MAX_LEAKS: usize = 500;
/// Characters that are kept of where a leaked secret was found.
pub const MAX_LEAK_URL: usize = 1_024;
/// Bytes of the file that lists by what keys such reports are signed: dozens of keys.
pub const MAX_KEY_LIST_BYTES: u64 = 256 * 1024;
/// Bytes of a batch of usage events: 10,000 with long paths.
pub const MAX_USAGE_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of an import: a million lines with room for names.
pub const MAX_IMPORT_BYTES: usize = 256 * 1024 * 1024;
/// Calls of one management key that are at work at a time; further ones wait. Half of what the database serves at once.
pub const CALLS_OF_KEY: usize = 4;
/// Keys whose calls are counted at a time, beyond which those without calls are forgotten: a few kilobytes.
pub const MAX_IDLE_KEYS: usize = 1_024;
/// Imports at a time: each holds a file, and only one can write into the database.
pub const MAX_IMPORTS: usize = 2;
/// Time between two times that it is written how far an import has come that nobody waits for: as often as a page asks.
pub const IMPORT_TOLD: Duration = Duration::from_secs(1);
/// Connections at a time; a further one takes the seat of one that is not at work. With many more, the open files of a process would run out.
pub const MAX_CONNECTIONS: u32 = 4_096;
/// Connections of one address: a large site behind one, and an eighth of all, so that one address holds up no other.
pub const CONNECTIONS_OF_ADDRESS: u32 = 512;
/// Time for a request's head, and for a connection to stay idle.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// Time for a small body, and for each further piece of a large one.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a large body that must come in a second, on average: half a megabit. Without it, a body that trickles in would keep
/// one of the few places for imports for ever.
pub const BODY_RATE: usize = 64 * 1024;
/// Time in which a client must take something of an answer.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of a request's head: several times what browsers and proxies send.
pub const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Client addresses whose failures are remembered: some ten megabytes.
pub const MAX_ADDRESSES: usize = 65_536;
/// Failed authentications that an address may have at once.
pub const FAILURE_BURST: u32 = 20;
/// Failed authentications that it may have in a minute from then on.
pub const FAILURES_PER_MINUTE: u32 = 10;
/// Time between two failures of an address beyond these, whoever hangs up or takes silence for an answer; calls that come at once, just as it may
/// fail again, are judged at once. With a call on each connection that an address may have, the last in its line is judged after five seconds.
pub const FAILURES_APART: Duration = Duration::from_millis(10);
/// Time after which a failure beyond these is answered, so that a client with a wrong key does not ask again at once.
pub const FAILURE_PAUSE: Duration = Duration::from_secs(1);
/// Uses of management keys that wait to be written: a few seconds of a busy server.
pub const MAX_WAITING_USES: usize = 10_000;
/// Uses of management keys in one transaction.
pub const MAX_USES: usize = 1_000;
/// Time until uses of management keys are written.
pub const USE_PAUSE: Duration = Duration::from_secs(1);
/// Seconds after which the snapshot by which management keys are judged is made anew, though nothing changed: far below its
/// life of 30 days.
pub const MANAGEMENT_SNAPSHOT_SECONDS: u64 = 86_400;
/// How long it is believed, where published files take a key, that nothing has changed about a key that was accepted: asking the database for each object
/// would make it part of every update, and a revoked key is refused within a second as it is.
pub const READERS_BELIEVED: Duration = Duration::from_millis(250);
/// Streams of heads at a time: a fleet of edges, each with a connection that stands. Beside those that `MAX_CONNECTIONS` counts; each
/// takes an open file, and 14 kilobytes while it has nothing to say (`examples/idle_streams.rs` measures it).
pub const MAX_STREAMS: u32 = 10_000;
/// Streams of one address: a large site behind one address, and not so many that one address could take all.
pub const STREAMS_OF_ADDRESS: u32 = 1_000;
/// Time after which a stream that had nothing to say says that it is still there. Proxies cut connections that are silent for half a
/// minute or a minute; edges take a stream for broken after two and a half of these.
pub const STREAM_HEARTBEAT: Duration = Duration::from_secs(15);
/// Time between two looks at the published heads, for what other nodes published: a quarter of a second is as good as at once.
pub const STREAM_LOOK: Duration = Duration::from_millis(250);
/// Bytes of a patch that travels in the event of its head: what dozens of changes take. Every edge is sent it, also those that could do
/// nothing with it, and it waits in memory for each that reads slowly; a larger one is asked for.
pub const STREAM_PATCH_BYTES: u64 = 16_384;
/// Looks in a row at which a head cannot be read before its streams end: network file systems may miss a file once that was just
/// replaced, and to end all streams for that would send all edges back to asking.
pub const STREAM_UNREADABLE_LOOKS: u32 = 4;
/// Time over which edges are told to spread their return after a stream has ended: 10,000 come back at 1,000 a second.
pub const STREAM_RETRY: Duration = Duration::from_secs(10);
/// Time for requests in flight after the signal to stop; those that go on then are broken off. With what follows it, a server ends within eight
/// seconds whatever clients, targets, receivers and the database do: supervisors kill it after ten.
pub const DRAIN: Duration = Duration::from_secs(3);
/// Time for work in the background to end after the signal to stop, counted from the signal too.
pub const END: Duration = Duration::from_secs(5);
/// Time for writing down, after that, what management keys were used for.
pub const WRITE_DOWN: Duration = Duration::from_secs(2);
/// Time for the round of a thread that is under way when it is to end: below [`END`].
pub const ROUND_WAIT: Duration = Duration::from_secs(4);
/// Time for a publication that is under way at the end of a node, before its leases are given back: most take some hundredths of that, and
/// another node is to take over within a second.
pub const END_PUBLICATION: Duration = Duration::from_millis(700);
/// How long a process is taken to be at work after it has said so: its leases pass on then. Several times the pause below, so that a second without the
/// database changes nothing, and short enough for another node to take over within five seconds.
pub const LEASE: Duration = Duration::from_secs(4);
/// Time between two times that it says so.
pub const PRESENCE: Duration = Duration::from_secs(1);
/// Time after which a node that cannot tell whether its files are the newest serves them no more: a database restarts within it.
pub const STALE: Duration = Duration::from_secs(10);
/// Time between two looks whether there are files that are not served for that.
pub const STALE_LOOK: Duration = Duration::from_millis(500);
/// Time between two looks at the realms while the database does not answer.
pub const DATABASE_RETRY: Duration = Duration::from_millis(250);
/// Threads that publish and copy. They wait for disks, networks and databases most of the time.
pub const WORKERS: usize = 8;
/// Threads that may be started beside these for others that wait for a target: as many targets that do not answer hold up no other realm. Each takes
/// its stack's first pages.
pub const MAX_HELD: usize = 64;
/// Those of them that may work on realms which took long the last time.
pub const SLOW_WORKERS: usize = 4;
/// Time after which a realm's work has taken long: ten times what a change takes.
pub const SLOW_JOB: Duration = Duration::from_millis(500);
/// Time after which it is told that work on a realm does not end: a tree of ten million keys is built and written within it.
pub const STUCK: Duration = Duration::from_secs(120);
/// Failures in a row after which a node that could not publish, for a reason of its own, leaves that to others: one or two may be a moment's.
pub const OWN_FAILURES: u32 = 3;
/// The same for attempts that take long, as with a signer that does not answer: since the first one was begun.
pub const OWN_FAILING: Duration = Duration::from_secs(10);
/// The longest pause between two looks at whether a node could publish again, while another one does.
pub const FIT_LOOK: Duration = Duration::from_secs(10);
/// Time after which it is told that a target does not answer: a store is given up after fifteen seconds, which says more.
pub const TARGET_SILENT: Duration = Duration::from_secs(20);
/// Bytes that a target should take in a second beyond that time, on average: two megabits, as stores are given.
pub const TARGET_RATE: u64 = 256 * 1024;
/// The longest pause after failures in a row.
pub const MAX_RETRY: Duration = Duration::from_secs(60);
/// The same for copying what another node publishes: meanwhile this one serves nothing.
pub const MAX_COPY_RETRY: Duration = Duration::from_secs(2);
/// Time between two looks at whether targets still show what they were given; with more than fifty realms, so many times longer.
pub const TARGET_LOOK: Duration = Duration::from_secs(1);
/// Time after which it is told that nobody publishes a realm: twice what a take-over takes.
pub const UNHELD: Duration = Duration::from_secs(10);
/// Time after which that is a failure, if something was changed there: whoever publishes once a minute with a timer has done so.
pub const UNPUBLISHED: Duration = Duration::from_secs(90);
/// Seconds between two reports of an edge: a change is told of at once, so this says only how soon an edge that is silent is gone.
pub const REPORT_INTERVAL: u64 = 30;
/// Reports a second that a fleet is slowed down to: 15,000 edges at the interval above.
pub const REPORTS_PER_SECOND: u64 = 500;
/// Edges that report within one second after a new epoch: a small fleet is there at once, one of 10,000 within ten seconds.
pub const ARRIVALS_PER_SECOND: u64 = 1_000;
/// Milliseconds over which a fleet spreads what it reports of a new epoch, at least: a hundred edges.
pub const MIN_SPREAD_MILLIS: u64 = 100;
/// Reports that wait to be written: those that a fleet of ten thousand makes of one epoch.
pub const MAX_WAITING_REPORTS: usize = 10_000;
/// Time until reports are written. Whoever waits for a change to arrive waits for this too.
pub const REPORT_PAUSE: Duration = Duration::from_millis(250);
/// Time after which a use is noted again of a key that reports edges: a row for each report would be most of the log.
pub const REPORT_NOTED: Duration = Duration::from_secs(60);
/// Time between two looks whether the database of countries has changed: it does so twice a week.
pub const GEOIP_LOOK: Duration = Duration::from_secs(10);
/// Time between two looks at the files of a certificate: whatever renews them does so days before the old one ends.
pub const TLS_LOOK: Duration = Duration::from_secs(10);
/// Bytes of a report: three times the longest.
pub const MAX_REPORT_BYTES: usize = 4 * 1024;
/// Seconds that a call may wait for a change to arrive: below what proxies allow an answer to take.
pub const MAX_WAIT_SECONDS: u64 = 25;
/// Calls that wait at a time; further ones are told to come back. Each asks the database four times a second.
pub const MAX_WAITING_CALLS: usize = 16;
/// Time between two looks at whether a change has arrived.
pub const ARRIVAL_LOOK: Duration = Duration::from_millis(250);
/// How many times as long as a look took the pause after it is at least: a fifth of one thread's time for each call that waits.
pub const LOOK_SHARE: u32 = 4;
/// Time between two looks at what may be wrong: a load balancer asks as often.
pub const HEALTH_LOOK: Duration = Duration::from_secs(2);
/// Time after which a look that has not ended is trouble itself, such as at a disk or a database that does not answer.
pub const HEALTH_DEADLINE: Duration = Duration::from_secs(3);
/// Time between two looks whether disks and the database take writes: each waits for the disk.
pub const WRITES_LOOK: Duration = Duration::from_secs(10);
/// Time for a write into the database, for which others' transactions are waited for.
pub const WRITES_DEADLINE: Duration = Duration::from_secs(15);
/// Bytes of the file that is written to see whether a disk takes writes: a block, as no disk gives less.
pub const PROBE_BYTES: usize = 4_096;
/// Free bytes of a disk below which nothing works for long: a large import takes as much.
pub const DISK_FULL: u64 = 100 << 20;
/// Free bytes of a disk below which somebody should look: days of growth.
pub const DISK_LOW: u64 = 1 << 30;
/// Files that can still be made on a disk, below which nothing works for long: an epoch of a large realm makes as many.
pub const FILES_FULL: u64 = 1_000;
/// Seconds for which a head here may be older than the newest that every target holds, and changes may wait to be published: longer than
/// another node takes to carry on, shorter than anybody waits for a revocation.
pub const BEHIND_SECONDS: u64 = 10;
/// Seconds for which a head here may be older than the last one that was signed: longer than writing the objects of millions of keys takes.
pub const SIGNED_SECONDS: u64 = 60;
/// Seconds for which an event may wait for its delivery: what a receiver takes to be started anew.
pub const EVENT_SECONDS: u64 = 300;
/// Seconds for which it is told that events were given up: a day, in which somebody looks.
pub const GIVEN_UP_SECONDS: u64 = 86_400;
/// Bytes of an answer of the API that the console reads: several times a page of the longest keys.
pub const MAX_CONSOLE_ANSWER: usize = 32 * 1024 * 1024;
/// Bytes of a form of the console: a key with both of its IP lists, escaped.
pub const MAX_FORM_BYTES: usize = 1024 * 1024;
/// Fields of such a form: three for each entry of two lists, and as many again.
pub const MAX_FORM_FIELDS: usize = 10_000;
/// Calls of the identity provider at a time: sign-ins of a large team on a Monday morning, and no flood of them.
pub const MAX_PROVIDER_CALLS: usize = 16;
/// Keys on one page of the console's table.
pub const CONSOLE_PAGE: u64 = 50;
/// Keys that are revoked by one click on a selection: those of a page.
pub const MAX_SELECTED: usize = 50;
