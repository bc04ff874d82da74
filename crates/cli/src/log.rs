//! The log of a server: lines on standard error, with time, level, target and fields.
//!
//! Whoever reads standard error may stop reading (a full disk behind `journald`, a paused terminal, a parent that waits). Then
//! lines are lost and counted, and calls go on being answered: lines wait in a bounded queue for a thread that writes them.

use std::io::{self, IsTerminal, Stderr, Write};
use std::sync::{Arc, OnceLock};

use clap::ValueEnum;
use serde_json::json;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::failure::{Failure, Result};

/// Says what is logged: `info` for all of it, `edgelatch::access=off,info` for all but calls of the API.
const VARIABLE: &str = "EDGELATCH_LOG";
/// How many lines may wait to be written; some 300 bytes each.
const WAITING_LINES: usize = 16_384;

/// How the log is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogFormat {
    /// A line for people
    Text,
    /// A line of JSON
    Json,
}

/// Begins to log. Once in the life of the process; what is still to be written is written when the guard is dropped.
pub(crate) fn start(format: LogFormat) -> Result<WorkerGuard> {
    let chosen = std::env::var(VARIABLE).unwrap_or_default();
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).parse(&chosen).map_err(|_| {
        let example = "`info`, `warn` or `edgelatch::access=off,info`";
        Failure::usage(format!("{VARIABLE}: this says not what to log: give levels, or targets with levels, such as {example}"))
    })?;
    let lost = Arc::new(OnceLock::new());
    let writer = Counting { out: io::stderr(), format, lost: Arc::clone(&lost), told: 0 };
    let (writer, guard) = NonBlockingBuilder::default().buffered_lines_limit(WAITING_LINES).lossy(true).finish(writer);
    lost.get_or_init(|| writer.error_counter());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    let begun = match format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => log.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
    };
    begun.map_err(|error| Failure::new("log", error.to_string()))?;
    Ok(guard)
}

/// Standard error, where the next line that can be written is preceded by one that says how many were lost.
struct Counting {
    out: Stderr,
    format: LogFormat,
    lost: Arc<OnceLock<ErrorCounter>>,
    told: usize,
}

impl Write for Counting {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let lost = self.lost.get().map_or(0, ErrorCounter::dropped_lines);
        if lost > self.told {
            let message = "lines of this log were lost: standard error was not read fast enough";
            let count = lost - self.told;
            match self.format {
                LogFormat::Text => writeln!(self.out, "WARN edgelatch::log: {message} lost={count}")?,
                LogFormat::Json => {
                    let line = json!({ "level": "WARN", "target": "edgelatch::log", "message": message, "lost": count });
                    writeln!(self.out, "{line}")?;
                }
            }
            self.told = lost;
        }
        self.out.write_all(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
