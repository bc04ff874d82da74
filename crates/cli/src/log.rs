//! The log of a server: lines on standard error, with time, level, target and fields.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::args::LogFormat;
use crate::failure::{Failure, Result};

/// Says what is logged: `info` for all of it, `edgelatch::access=off,info` for all but calls of the API.
const VARIABLE: &str = "EDGELATCH_LOG";

/// Begins to log. Once in the life of the process.
pub(crate) fn start(format: LogFormat) -> Result<()> {
    let chosen = std::env::var(VARIABLE).unwrap_or_default();
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).parse(&chosen).map_err(|_| {
        let example = "`info`, `warn` or `edgelatch::access=off,info`";
        Failure::usage(format!("{VARIABLE}: this says not what to log: give levels, or targets with levels, such as {example}"))
    })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let begun = match format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => log.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
    };
    begun.map_err(|error| Failure::new("log", error.to_string()))
}
