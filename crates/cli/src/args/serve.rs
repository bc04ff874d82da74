//! Arguments of `edgelatch serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How the log is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogFormat {
    /// A line for people
    Text,
    /// A line of JSON
    Json,
}

#[derive(Args)]
pub(crate) struct Serve {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8787")]
    pub(crate) addr: SocketAddr,
    /// How often to look for changes
    #[arg(long, value_name = "SPAN", default_value = "200ms")]
    pub(crate) publish_interval: String,
    /// How the log on standard error is written [default: text, or json with --json]. EDGELATCH_LOG says what is in it
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
    /// How long a head lives
    #[arg(long, value_name = "SPAN", default_value = "24h")]
    pub(crate) head_lifetime: String,
    /// Serve only; another process publishes
    #[arg(long)]
    pub(crate) no_publish: bool,
    /// Publish to this directory as well
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Vec<PathBuf>,
    /// Where to serve the management API [default: at --addr, if that is an address of this machine alone]
    #[arg(long, value_name = "ADDR", conflicts_with = "no_api")]
    pub(crate) api_addr: Option<SocketAddr>,
    /// Do not serve the management API
    #[arg(long)]
    pub(crate) no_api: bool,
    /// Behind proxies: where the address of an API client comes from, such as trust=10.0.0.0/8
    #[arg(long, value_name = "RULE")]
    pub(crate) client_ip: Option<String>,
    /// Failed authentications that a client address may have in a minute
    #[arg(long, value_name = "N", default_value_t = edgelatch_server::limits::FAILURES_PER_MINUTE,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) auth_failures: u32,
    /// Where to send alerts: an https:// address, or http:// on this machine
    #[arg(long, value_name = "URL", env = "EDGELATCH_ALERT_URL", hide_env_values = true)]
    pub(crate) alert_url: Option<String>,
    /// A file with the secret that alerts are signed with [default: EDGELATCH_ALERT_SECRET]
    #[arg(long, value_name = "FILE", requires = "alert_url")]
    pub(crate) alert_secret_file: Option<PathBuf>,
}
