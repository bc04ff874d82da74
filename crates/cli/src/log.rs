//! The log of a server: lines on standard error, with time, level, target and fields.
//!
//! Whoever reads standard error may stop reading (a full disk behind `journald`, a paused terminal, a parent that waits). Then
//! lines are lost and counted, and calls go on being answered: lines wait in a bounded queue for a thread that writes them.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, OnceLock};

use clap::ValueEnum;
use edgelatch_registry::{Env, format_time};
use serde_json::json;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
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
    let (writer, guard) = queue(io::stderr(), format, WAITING_LINES);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    let begun = match format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => log.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
    };
    begun.map_err(|error| Failure::new("log", error.to_string()))?;
    Ok(guard)
}

/// A queue of so many lines before `out`.
fn queue(out: impl Write + Send + 'static, format: LogFormat, lines: usize) -> (NonBlocking, WorkerGuard) {
    let lost = Arc::new(OnceLock::new());
    let counting = Counting { out, format, lost: Arc::clone(&lost), told: 0 };
    let (writer, guard) = NonBlockingBuilder::default().buffered_lines_limit(lines).lossy(true).finish(counting);
    lost.get_or_init(|| writer.error_counter());
    (writer, guard)
}

/// Where the next line that can be written is preceded by one that says how many were lost.
struct Counting<W> {
    out: W,
    format: LogFormat,
    lost: Arc<OnceLock<ErrorCounter>>,
    told: usize,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let lost = self.lost.get().map_or(0, ErrorCounter::dropped_lines);
        if lost > self.told {
            let message = "lines of this log were lost: standard error was not read fast enough";
            let (count, at) = (lost - self.told, Env::system().now().map(format_time).unwrap_or_default());
            match self.format {
                LogFormat::Text => writeln!(self.out, "{at}  WARN edgelatch::log: {message} lost={count}")?,
                LogFormat::Json => {
                    let line = json!({ "timestamp": at, "level": "WARN", "target": "edgelatch::log", "message": message, "lost": count });
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Takes a line only when it is let, and passes it on.
    struct Gate(Receiver<()>, Sender<String>);

    impl Write for Gate {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            let _ = self.1.send(String::from_utf8_lossy(line).into_owned());
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lost_lines_are_counted_and_told() {
        for (format, says) in [(LogFormat::Text, "lost="), (LogFormat::Json, "\"lost\":")] {
            let (open, gate) = channel();
            let (passed, seen) = channel();
            let (mut log, guard) = queue(Gate(gate, passed), format, 2);
            log.write_all(b"first\n").unwrap();
            // The gate is shut, so that only so many find room.
            while log.error_counter().dropped_lines() < 7 {
                log.write_all(b"more\n").unwrap();
            }
            let lost = log.error_counter().dropped_lines();
            drop(open);
            drop(guard);
            let all: String = seen.iter().collect();
            assert!(all.contains("first\n") && all.contains(&format!("{says}{lost}")), "{lost} {all}");
        }
    }
}
