//! Programs that run beside a command: until it is done with them, or while it reads what they print.

use anyhow::{Result, bail};
use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

/// How long a program may take from its start to its first line.
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

/// Runs a program to its end. `seen` is called with each line that it prints, without colours, and without one whenever it has
/// printed none for the given time. Where it returns an error, the program is killed with all that it has begun.
pub fn follow(command: &mut Command, every: Duration, mut seen: impl FnMut(Option<&str>) -> Result<()>) -> Result<ExitStatus> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (send, lines) = mpsc::channel();
    for stream in [child.stdout.take().map(boxed), child.stderr.take().map(boxed)].into_iter().flatten() {
        let send = send.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                let _ = send.send(plain(&line));
            }
        });
    }
    // So that the channel closes when both streams have.
    drop(send);
    loop {
        let seen = match lines.recv_timeout(every) {
            Ok(line) => seen(Some(&line)),
            Err(RecvTimeoutError::Timeout) => seen(None),
            Err(RecvTimeoutError::Disconnected) => return Ok(child.wait()?),
        };
        if let Err(error) = seen {
            kill(&child.id().to_string());
            let _ = child.kill();
            let _ = child.wait();
            return Err(error);
        }
    }
}

/// Kills a process after those that it has begun, where the system tells which these are.
fn kill(process: &str) {
    // So that it begins no others meanwhile.
    let signal = |name| drop(Command::new("kill").args([name, process]).stderr(Stdio::null()).status());
    signal("-STOP");
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    for thread in threads {
        let children = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        children.split_whitespace().for_each(kill);
    }
    signal("-KILL");
}

fn boxed(stream: impl Read + Send + 'static) -> Box<dyn Read + Send> {
    Box::new(stream)
}

/// A line without its end and without colours.
fn plain(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut out = String::new();
    let mut rest = text.trim_end();
    while let Some((before, after)) = rest.split_once("\x1b[") {
        out.push_str(before);
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').get(1..).unwrap_or("");
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_taken_out() {
        assert_eq!(plain(b"\x1b[32mok\x1b[0m | 1\r\n"), "ok | 1");
        assert_eq!(plain(b"plain\n"), "plain");
    }
}
