//! A key that a program of the operator's signs with, such as one that asks a key management service or a hardware module.
//!
//! `PROGRAM ARGUMENTS` gets what is to be signed on its standard input and answers with the signature on its standard output: 64 bytes, or the
//! same in base64url. `PROGRAM ARGUMENTS --public` answers with the public key: 32 bytes, or the same in base64url. No shell is between, and
//! what it says on standard error goes to ours.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::Error;
use crate::signers::Signer;

/// How long a program may take while a server waits for it: a key management service answers in a fraction of that, and a change of the realm waits
/// for no longer. The lease under which the server publishes is kept meanwhile by another thread.
pub const SIGNER_LIMIT: Duration = Duration::from_secs(10);
/// Between two looks whether it has ended.
const PAUSE: Duration = Duration::from_millis(5);
/// Far more than any answer has.
const MAX_ANSWER: u64 = 4096;

/// What to run, and how long to wait for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignerCommand {
    words: Vec<String>,
    limit: Duration,
    hidden: Vec<&'static str>,
}

impl SignerCommand {
    /// Reads a command: words as a shell would tell them apart, without anything else that a shell does, or a JSON array of texts. What it
    /// answers is waited for up to `limit`.
    pub fn parse(text: &str, limit: Duration) -> Result<SignerCommand, Error> {
        let words = if text.trim_start().starts_with('[') { serde_json::from_str(text).ok() } else { shlex::split(text) };
        let words: Vec<String> = words.unwrap_or_default();
        if words.first().is_none_or(String::is_empty) {
            return Err(Error::NoCommand);
        }
        Ok(SignerCommand { words, limit, hidden: Vec::new() })
    }

    /// The same, without showing it an environment variable of ours that holds a secret.
    pub fn hiding(mut self, variable: &'static str) -> SignerCommand {
        self.hidden.push(variable);
        self
    }

    /// Asks it for its public key.
    pub fn open(self) -> Result<CommandSigner, Error> {
        let public = self.ask(&["--public"], &[])?;
        Ok(CommandSigner { command: self, public })
    }

    fn failed(&self, reason: impl Into<String>) -> Error {
        Error::SignerCommand { program: self.program().into(), reason: reason.into() }
    }

    /// What stands for it in messages: its arguments may hold a secret.
    fn program(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// Runs it, with `input`, for an answer of `N` bytes.
    fn ask<const N: usize>(&self, more: &[&str], input: &[u8]) -> Result<[u8; N], Error> {
        let mut command = Command::new(self.program());
        command
            .args(self.words.iter().skip(1))
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        for variable in &self.hidden {
            command.env_remove(variable);
        }
        let end = Instant::now() + self.limit;
        let mut child = command.spawn().map_err(|error| self.failed(format!("{error}: check its path and mode")))?;
        let answer = match (child.stdin.take(), child.stdout.take()) {
            (Some(to), Some(from)) => talk(to, from, input.into()),
            _ => return Err(self.failed("has no input or output")),
        };
        let answer = self.wait(&mut child, &answer, end);
        if answer.is_err() {
            // One that hangs is not left behind; one that has ended takes no harm.
            let _ = child.kill();
            let _ = child.wait();
        }
        let answer = answer?;
        let bytes = match <[u8; N]>::try_from(answer.as_slice()) {
            Ok(bytes) => Some(bytes),
            Err(_) => URL_SAFE_NO_PAD.decode(answer.trim_ascii()).ok().and_then(|bytes| bytes.try_into().ok()),
        };
        bytes.ok_or_else(|| {
            self.failed(format!("answered {} bytes, which are neither {N} bytes nor these in base64url", answer.len()))
        })
    }

    /// Waits for its answer and for its end.
    fn wait(&self, child: &mut Child, answer: &mpsc::Receiver<Vec<u8>>, end: Instant) -> Result<Vec<u8>, Error> {
        let late = || {
            self.failed(format!("took longer than {} seconds, and was ended: see what it waits for", self.limit.as_secs_f32()))
        };
        let answer = answer.recv_timeout(end.saturating_duration_since(Instant::now())).map_err(|_| late())?;
        loop {
            match child.try_wait().map_err(|error| self.failed(error.to_string()))? {
                Some(status) if status.success() => return Ok(answer),
                Some(status) => return Err(self.failed(format!("failed ({status}): it says why on standard error"))),
                None if Instant::now() >= end => return Err(late()),
                None => thread::sleep(PAUSE),
            }
        }
    }
}

/// Writes the input and reads the answer, beside whoever waits no longer than he will.
fn talk(mut to: ChildStdin, from: ChildStdout, input: Vec<u8>) -> mpsc::Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    // One that does not read is no failure here: what it answers decides.
    thread::spawn(move || drop(to.write_all(&input)));
    thread::spawn(move || {
        let mut answer = Vec::new();
        if from.take(MAX_ANSWER).read_to_end(&mut answer).is_ok() {
            let _ = send.send(answer);
        }
    });
    receive
}

/// A program that has told its public key.
#[derive(Debug)]
pub struct CommandSigner {
    command: SignerCommand,
    public: [u8; 32],
}

impl Signer for CommandSigner {
    fn name(&self) -> String {
        self.command.program().into()
    }

    fn public(&self) -> [u8; 32] {
        self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], Error> {
        self.command.ask(&[], message)
    }
}
