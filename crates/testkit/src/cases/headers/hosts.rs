//! The test servers: the middleware in front of a small handler, one process per host.

use crate::{
    process::Running,
    shell::{self, command},
};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path, process::Command};

/// A host and how its server is started; the configuration file's path follows.
pub struct Host {
    pub name: &'static str,
    command: &'static [&'static str],
    /// The program that must be installed; asked for its `--version`.
    needs: &'static str,
}

/// Every host that the header cases run on.
pub const HOSTS: &[Host] = &[
    Host { name: "node", command: &["node", "tests/conformance/servers/node.mjs"], needs: "node" },
    Host {
        name: "deno",
        command: &["js/node_modules/.bin/deno", "run", "-A", "--node-modules-dir=manual", "tests/conformance/servers/deno.mjs"],
        needs: "js/node_modules/.bin/deno",
    },
    Host {
        name: "bun",
        command: &["js/node_modules/.bin/bun", "tests/conformance/servers/bun.mjs"],
        needs: "js/node_modules/.bin/bun",
    },
    Host {
        name: "workerd",
        command: &["node", "tests/conformance/servers/workerd.mjs"],
        needs: "js/node_modules/.bin/workerd",
    },
];

impl Host {
    /// Whether this machine can run it.
    pub fn exists(&self) -> bool {
        let probe = if self.needs.contains('/') { shell::root().join(self.needs) } else { self.needs.into() };
        shell::exists(probe)
    }

    /// Starts the server and waits until every listener accepts connections.
    pub fn start(&self, configuration: &Path) -> Result<Server> {
        let (program, arguments) = self.command.split_first().context("a host without a command")?;
        let mut command = command(program, arguments);
        command.arg(configuration).env("DENO_NO_UPDATE_CHECK", "1");
        Server::start(&mut command).with_context(|| format!("{} does not start", self.name))
    }
}

/// A running server.
pub struct Server {
    pub ports: BTreeMap<String, u16>,
    /// Stopped when dropped.
    _running: Running,
}

impl Server {
    fn start(command: &mut Command) -> Result<Server> {
        let running = Running::start(command)?;
        let ready: Value = serde_json::from_str(&running.first_line).unwrap_or(Value::Null);
        ensure!(ready["ready"] == json!(true), "its first line is {:?}", running.first_line);
        let mut ports = BTreeMap::new();
        for listener in ready["listeners"].as_array().into_iter().flatten() {
            let port = listener["port"].as_u64().and_then(|port| u16::try_from(port).ok());
            if let (Some(name), Some(port)) = (listener["name"].as_str(), port) {
                ports.insert(name.to_owned(), port);
            }
        }
        Ok(Server { ports, _running: running })
    }
}
