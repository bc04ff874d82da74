//! The key that a command is about.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use edgelatch_core::key::KeyId;
use edgelatch_registry::{Error, Key};

use crate::prelude::*;

/// One key, and what it is expected to be like.
#[derive(Args)]
pub(crate) struct Which {
    /// Its public id
    #[arg(value_name = "KEY_ID", value_parser = read::key_id)]
    pub(super) key: KeyId,
    /// Only if the key is still at this revision
    #[arg(long, value_name = "NUMBER")]
    pub(super) if_revision: Option<u64>,
    #[command(flatten)]
    pub(super) wait: Wait,
}

/// A key's name, typed by whoever means what cannot be taken back.
#[derive(Args)]
pub(crate) struct Confirm {
    /// The key's name, where the org wants it typed
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

impl Confirm {
    /// The name as it was given or, on a terminal, as it is typed now, where that is `wanted`. Another name is refused.
    pub(super) fn ask(self, what: &'static str, key: &Key, wanted: bool) -> Result<Option<String>> {
        let typed = match self.confirm {
            None if wanted && io::stdin().is_terminal() => {
                let mut prompt = anstream::stderr();
                let asked = write!(prompt, "{what}: type its name, {}: ", key.name).and_then(|()| prompt.flush());
                let mut line = String::new();
                let read = asked.and_then(|()| io::stdin().read_line(&mut line));
                read.map_err(|error| Failure::file(Path::new("terminal"), &error))?;
                Some(line.trim_end_matches(['\n', '\r']).to_owned())
            }
            given => given,
        };
        match typed {
            Some(typed) if typed != key.name.as_str() => Err(Error::Unconfirmed { what }.into()),
            typed => Ok(typed),
        }
    }
}
