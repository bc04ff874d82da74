//! The test servers: the middleware in front of a small handler, one process per host.

use crate::shell::{self, command};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// From the start of a server to its last listener.
const START: Duration = Duration::from_secs(60);

/// A host and how its server is started; the configuration file's path follows.
pub struct Host {
    pub name: &'static str,
    command: &'static [&'static str],
    /// Probed with `--version`.
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

/// A running server; stopped when dropped.
pub struct Server {
    child: Child,
    pub ports: BTreeMap<String, u16>,
}

impl Server {
    fn start(command: &mut Command) -> Result<Server> {
        // Its standard input stays open: the end of it stops the server, also if this process dies.
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (send, receive) = mpsc::channel();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        thread::spawn(move || {
            let mut line = String::new();
            if let Some(stdout) = stdout {
                let mut reader = BufReader::new(stdout);
                let _ = reader.read_line(&mut line);
                let _ = send.send(line);
                let _ = std::io::copy(&mut reader, &mut std::io::sink());
            }
        });
        let diagnostics = thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.map(|mut stderr| stderr.read_to_end(&mut text));
            String::from_utf8_lossy(&text).into_owned()
        });
        let line = receive.recv_timeout(START).unwrap_or_default();
        let mut server = Server { child, ports: BTreeMap::new() };
        let ready: Value = serde_json::from_str(&line).unwrap_or(Value::Null);
        if ready["ready"] != json!(true) {
            server.stop();
            let said = diagnostics.join().unwrap_or_default();
            bail!("{}", if said.trim().is_empty() { "no ready line within 60 s" } else { said.trim() });
        }
        for listener in ready["listeners"].as_array().into_iter().flatten() {
            let port = listener["port"].as_u64().and_then(|port| u16::try_from(port).ok());
            if let (Some(name), Some(port)) = (listener["name"].as_str(), port) {
                server.ports.insert(name.to_owned(), port);
            }
        }
        Ok(server)
    }

    fn stop(&mut self) {
        drop(self.child.stdin.take());
        for _ in 0..40 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
