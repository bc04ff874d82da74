//! Every bound of the server, each with its reason.

use std::time::Duration;

/// Bytes of a request's body: a key with every field at its longest takes about as much.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// Bytes of a body with a key's IP lists: two lists of 1,000 entries, each with a note.
pub const MAX_LISTS_BYTES: usize = 1024 * 1024;
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
/// Connections at a time; further ones wait to be accepted. With many more, the open files of a process would run out.
pub const MAX_CONNECTIONS: usize = 4_096;
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
/// Client addresses whose failures are remembered: a few megabytes.
pub const MAX_ADDRESSES: usize = 65_536;
/// Failed authentications that an address may have at once.
pub const FAILURE_BURST: u32 = 20;
/// Failed authentications that it may have in a minute from then on.
pub const FAILURES_PER_MINUTE: u32 = 10;
/// Uses of management keys that wait to be written: a few seconds of a busy server.
pub const MAX_WAITING_USES: usize = 10_000;
/// Uses of management keys in one transaction.
pub const MAX_USES: usize = 1_000;
/// Time until uses of management keys are written.
pub const USE_PAUSE: Duration = Duration::from_secs(1);
/// Seconds after which the snapshot by which management keys are judged is made anew, though nothing changed: far below its
/// life of 30 days.
pub const MANAGEMENT_SNAPSHOT_SECONDS: u64 = 86_400;
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
/// Time for requests in flight after the signal to stop, and then for writing down what management keys were used for.
pub const DRAIN: Duration = Duration::from_secs(10);
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
/// Bytes of a report: three times the longest.
pub const MAX_REPORT_BYTES: usize = 4 * 1024;
/// Seconds that a call may wait for a change to arrive: below what proxies allow an answer to take.
pub const MAX_WAIT_SECONDS: u64 = 25;
/// Calls that wait at a time; further ones are told to come back. Each asks the database four times a second.
pub const MAX_WAITING_CALLS: usize = 16;
/// Time between two looks at whether a change has arrived.
pub const ARRIVAL_LOOK: Duration = Duration::from_millis(250);
