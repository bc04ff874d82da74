//! The test servers: the middleware in front of a small handler, one process per host or framework.

use crate::{
    process::Running,
    shell::{self, command},
};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path, process::Command};

/// A host and how its server is started; the configuration file's path follows.
#[derive(Debug, Clone, Copy)]
pub struct Host {
    pub name: &'static str,
    runtime: Runtime,
    server: Server,
}

/// What runs a server.
#[derive(Debug, Clone, Copy)]
enum Runtime {
    Node,
    Deno,
    Bun,
    /// Started by a program on Node, as the next one is.
    Workerd,
    Viceroy,
}

/// Which server it is.
#[derive(Debug, Clone, Copy)]
enum Server {
    /// The SDK on the runtime itself, by a program of `tests/conformance/servers/`.
    Bare(&'static str),
    /// A framework with its adapter, by its name in `tests/hosts/`.
    Framework,
}

/// The runtimes that the header cases run on.
const RUNTIMES: &[Host] = &[
    Host { name: "node", runtime: Runtime::Node, server: Server::Bare("node") },
    Host { name: "deno", runtime: Runtime::Deno, server: Server::Bare("deno") },
    Host { name: "bun", runtime: Runtime::Bun, server: Server::Bare("bun") },
    Host { name: "workerd", runtime: Runtime::Workerd, server: Server::Bare("workerd") },
    Host { name: "fastly", runtime: Runtime::Viceroy, server: Server::Bare("fastly") },
];

/// The frameworks, by what runs them: what a framework makes of header lines must not reach the adapter for it.
const FRAMEWORKS: &[(Runtime, &[&str])] = &[
    (
        Runtime::Node,
        &[
            "connect",
            "express4",
            "express5",
            "fastify4",
            "fastify5",
            "koa2",
            "koa3",
            "hono node",
            "h3 1 node",
            "h3 2 node",
            "hapi",
            "nest express",
            "nest fastify",
        ],
    ),
    (Runtime::Deno, &["hono deno", "h3 2 deno"]),
    (Runtime::Bun, &["hono bun", "h3 2 bun", "elysia bun"]),
];

/// Every host that the header cases run on.
pub fn all() -> impl Iterator<Item = Host> {
    let frameworks = FRAMEWORKS
        .iter()
        .flat_map(|&(runtime, names)| names.iter().map(move |&name| Host { name, runtime, server: Server::Framework }));
    RUNTIMES.iter().copied().chain(frameworks)
}

impl Runtime {
    /// The program, which must be installed, and what it takes before the script.
    fn command(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Runtime::Node | Runtime::Workerd | Runtime::Viceroy => ("node", &[]),
            Runtime::Deno => ("js/node_modules/.bin/deno", &["run", "-A", "--node-modules-dir=manual"]),
            Runtime::Bun => ("js/node_modules/.bin/bun", &[]),
        }
    }
}

impl Host {
    /// Whether this machine can run it.
    pub fn exists(&self) -> bool {
        let program = match self.runtime {
            Runtime::Workerd => "js/node_modules/.bin/workerd",
            Runtime::Viceroy => "viceroy",
            other => other.command().0,
        };
        let installed = match self.server {
            Server::Bare(_) => true,
            Server::Framework => shell::root().join("tests/hosts/node_modules").is_dir(),
        };
        installed && shell::exists(if program.contains('/') { shell::root().join(program) } else { program.into() })
    }

    /// Starts the server and waits until every listener accepts connections.
    pub fn start(&self, configuration: &Path) -> Result<Listening> {
        let (program, arguments) = self.runtime.command();
        let mut command = command(program, arguments);
        match self.server {
            Server::Bare(script) => command.arg(format!("tests/conformance/servers/{script}.mjs")),
            Server::Framework => command.args(["tests/hosts/headers.mjs", self.name]),
        };
        command.arg(configuration).env("DENO_NO_UPDATE_CHECK", "1");
        Listening::start(&mut command).with_context(|| format!("{} does not start", self.name))
    }
}

/// A running server.
pub struct Listening {
    pub ports: BTreeMap<String, u16>,
    /// Stopped when dropped; none for servers inside this process.
    _running: Option<Running>,
}

impl Listening {
    /// Servers that were started inside this process, by the names of their listeners.
    pub fn here(ports: BTreeMap<String, u16>) -> Listening {
        Listening { ports, _running: None }
    }

    fn start(command: &mut Command) -> Result<Listening> {
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
        Ok(Listening { ports, _running: Some(running) })
    }
}
