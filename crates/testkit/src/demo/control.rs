//! The control plane of the demo: the real `edgelatch` program on a fresh directory.

use crate::{
    process::Running,
    shell::{self, command},
};
use anyhow::{Context, Result, anyhow};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use edgelatch_core::{
    build::{HeadFields, SigningKey, sign_head},
    head::Head,
};
use serde_json::Value;
use std::{env::consts::EXE_SUFFIX, fs, net::SocketAddr, path::PathBuf, process::Command};

pub const REALM: &str = "demo";

pub struct Control {
    data: PathBuf,
    /// The root that edges are deployed with, as base64url.
    pub root: String,
}

/// A key as the program shows it once.
#[derive(Clone)]
pub struct Key {
    pub id: String,
    pub secret: String,
}

impl Control {
    /// `edgelatch init` in an empty directory.
    pub fn init() -> Result<Control> {
        let data = shell::scratch("demo")?.join("control-plane");
        if data.exists() {
            fs::remove_dir_all(&data).with_context(|| format!("cannot empty {}", data.display()))?;
        }
        let mut control = Control { data, root: String::new() };
        let shown = control.json(&["init", "--realm", REALM, "--prefix", "demo_sk"])?;
        control.root = text(&shown, "root")?;
        Ok(control)
    }

    /// The program with these arguments.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let program = shell::target().join("debug").join(format!("edgelatch{EXE_SUFFIX}"));
        let mut command = command(program, ["--data"]);
        command
            .arg(&self.data)
            .args(arguments)
            .env_remove("EDGELATCH_ROOT")
            .env_remove("EDGELATCH_REALM")
            .env_remove("EDGELATCH_DATABASE");
        command
    }

    /// Runs it and reads what it says.
    pub fn json(&self, arguments: &[&str]) -> Result<Value> {
        let text = shell::capture(self.command(arguments).arg("--json"))?;
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).with_context(|| format!("edgelatch {} printed no JSON", arguments.join(" ")))
    }

    pub fn create(&self, name: &str, more: &[&str]) -> Result<Key> {
        let shown = self.json(&[&["keys", "create", "--name", name], more].concat())?;
        Ok(Key { id: text(&shown["key"], "key_id")?, secret: text(&shown, "secret")? })
    }

    /// `edgelatch serve` on a free port.
    pub fn serve(&self) -> Result<(Running, SocketAddr)> {
        let mut command = self.command(&["serve", "--addr", "127.0.0.1:0", "--json"]);
        let running = Running::start(&mut command).context("edgelatch serve does not start")?;
        let shown: Value = serde_json::from_str(&running.first_line).context("edgelatch serve printed no JSON")?;
        let address = text(&shown, "addr")?.parse().context("edgelatch serve printed no address")?;
        Ok((running, address))
    }

    /// The directory with all that is published.
    pub fn site(&self) -> PathBuf {
        self.data.join("published")
    }

    /// A published file of the realm.
    pub fn published(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.site().join("r").join(REALM).join(name);
        fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// The published head with other fields, signed by the publisher's own key: what only the publisher could make.
    pub fn sign(&self, change: impl FnOnce(&mut HeadFields)) -> Result<Vec<u8>> {
        let head = Head::inspect(&self.published("head")?).map_err(|error| anyhow!("{error}"))?;
        let mut fields = HeadFields {
            realm: head.realm,
            root_version: head.root_version,
            epoch: head.epoch,
            issued_at: head.issued_at,
            not_after: head.not_after,
            tree: head.tree,
            tree_bytes: head.tree_bytes,
            records: head.records,
        };
        change(&mut fields);
        let file = fs::read_to_string(self.data.join("keys/publisher.key")).context("cannot read the publisher's key")?;
        let seed = file.lines().find_map(|line| line.strip_prefix("seed ")).context("the publisher's key has no seed")?;
        let seed = URL_SAFE_NO_PAD.decode(seed).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let key = SigningKey::from_seed(&seed.context("the publisher's seed is not 32 bytes of base64url")?);
        sign_head(&fields, &[key]).map_err(|error| anyhow!("{error}"))
    }
}

/// The bundle with another head of the same length.
pub fn with_head(bundle: &[u8], head: &[u8]) -> Result<Vec<u8>> {
    let old = edgelatch_core::bundle::head_bytes(bundle).map_err(|error| anyhow!("{error}"))?;
    let at = bundle.windows(old.len()).position(|window| window == old).context("the bundle has no head")?;
    anyhow::ensure!(old.len() == head.len(), "a head of another length");
    Ok([&bundle[..at], head, &bundle[at + old.len()..]].concat())
}

fn text(value: &Value, key: &str) -> Result<String> {
    value[key].as_str().map(str::to_owned).with_context(|| format!("edgelatch printed no `{key}`"))
}
