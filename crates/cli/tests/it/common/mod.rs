//! Runs the real binary in a directory of its own.

pub mod calls;
pub mod node;
pub mod published;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

pub struct Plane {
    temp: tempfile::TempDir,
}

pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// The binary, with nothing of the surroundings in its environment.
pub fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgelatch"));
    command.env_clear();
    command
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            code: output.status.code().expect("ended by itself"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Plane {
    /// An empty directory.
    pub fn empty() -> Plane {
        Plane { temp: tempfile::tempdir().unwrap() }
    }

    /// After `init`.
    pub fn new() -> Plane {
        Plane::with("default")
    }

    /// After `init` with a preset.
    pub fn with(preset: &str) -> Plane {
        let plane = Plane::empty();
        plane.ok(&["init", "--realm", "acme", "--preset", preset]);
        plane
    }

    /// A path beside the data directory.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    /// Runs a command that must be refused with exit code 2, this code, and one line that holds every one of `says`.
    pub fn refused(&self, args: &[&str], code: &str, says: &[&str]) {
        let before = self.files();
        let ran = self.run(&[&["--json"], args].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}: {}", ran.err);
        let error: Value = serde_json::from_str(&ran.err).unwrap_or_else(|_| panic!("{args:?}: {}", ran.err));
        let (found, message) = (&error["error"]["code"], error["error"]["message"].as_str().unwrap());
        assert_eq!(found, code, "{args:?}: {message}");
        for word in says {
            assert!(message.contains(word), "{args:?} should say `{word}`: {message}");
        }
        assert!(self.files() == before, "{args:?} changed a file");
    }

    pub fn data(&self) -> PathBuf {
        self.temp.path().join("data")
    }

    pub fn published(&self, name: &str) -> PathBuf {
        self.data().join("published/r/acme").join(name)
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = binary();
        command.arg("--data").arg(self.data()).args(args);
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        self.command(args).output().unwrap().into()
    }

    pub fn with_stdin(&self, args: &[&str], input: &str) -> Ran {
        let mut command = self.command(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that refuses its other arguments ends without reading.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap().into()
    }

    pub fn ok(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {}{}", ran.out, ran.err);
        ran.out
    }

    pub fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.ok(&[&["--json"], args].concat())).unwrap()
    }

    /// Creates a key: its id and its secret.
    pub fn create(&self, args: &[&str]) -> (String, String) {
        let made = self.json(&[&["keys", "create"], args].concat());
        (made["key"]["key_id"].as_str().unwrap().into(), made["secret"].as_str().unwrap().into())
    }

    /// Makes a file beside the data directory.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.beside(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().into()
    }

    /// Runs a command that answers no, in JSON, with exit code 1.
    pub fn no(&self, args: &[&str]) -> Value {
        let ran = self.run(&[&["--json"], args].concat());
        assert_eq!(ran.code, 1, "{args:?}: {}{}", ran.out, ran.err);
        serde_json::from_str(&ran.out).unwrap()
    }

    /// Verifies a key: exit code and verdict.
    pub fn verify(&self, key: &str, args: &[&str]) -> (i32, Value) {
        let ran = self.with_stdin(&[&["--json", "verify", "--key-stdin"], args].concat(), key);
        let verdict = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}", ran.err));
        (ran.code, verdict)
    }

    /// Every file and what it holds.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        fn walk(dir: &Path, all: &mut BTreeMap<PathBuf, Vec<u8>>) {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, all);
                } else {
                    let bytes = fs::read(&path).unwrap();
                    all.insert(path, bytes);
                }
            }
        }
        let mut all = BTreeMap::new();
        walk(self.temp.path(), &mut all);
        all
    }
}
