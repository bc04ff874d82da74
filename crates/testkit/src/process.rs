//! Programs that keep running while a command does its work.

use anyhow::{Result, bail};
use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// From the start of a program to its first line.
const START: Duration = Duration::from_secs(60);

/// A running program; stopped when dropped.
pub struct Running {
    child: Child,
    /// What it printed first.
    pub first_line: String,
}

impl Running {
    /// Starts a program and waits for its first line. Its standard input stays open: ours end at the end of it, so that
    /// none is left over if this process dies.
    pub fn start(command: &mut Command) -> Result<Running> {
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
        let first_line = receive.recv_timeout(START).unwrap_or_default();
        let mut running = Running { child, first_line };
        if running.first_line.is_empty() {
            running.stop();
            let said = diagnostics.join().unwrap_or_default();
            bail!("{}", if said.trim().is_empty() { "it printed nothing within 60 s" } else { said.trim() });
        }
        Ok(running)
    }

    fn stop(&mut self) {
        drop(self.child.stdin.take());
        for _ in 0..10 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}
