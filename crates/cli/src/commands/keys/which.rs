//! The key that a command is about.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use edgelatch_core::key::KeyId;
use edgelatch_registry::{Error, Key, TYPED_NAME};

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
    /// The key's name, where the org wants it typed; where it wants no more than a yes, yes will do
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

impl Confirm {
    /// The name as it was given or, on a terminal, as it is typed now, where that is `wanted`. What is neither the name nor `enough` is refused.
    pub(super) fn ask(self, what: &'static str, key: &Key, wanted: bool, enough: Option<&str>) -> Result<Option<String>> {
        let typed = match self.confirm {
            None if wanted && io::stdin().is_terminal() => {
                let mut prompt = anstream::stderr();
                let or = enough.map_or(String::new(), |enough| format!(", or {enough}"));
                let asked = write!(prompt, "{what}: type its name, {}{or}: ", key.name).and_then(|()| prompt.flush());
                let mut line = String::new();
                let read = asked.and_then(|()| io::stdin().read_line(&mut line));
                read.map_err(|error| Failure::file(Path::new("terminal"), &error))?;
                Some(line.trim_end_matches(['\n', '\r']).to_owned())
            }
            given => given,
        };
        match typed {
            Some(typed) if typed != key.name.as_str() && Some(typed.as_str()) != enough => {
                Err(Error::Unconfirmed { what, takes: TYPED_NAME }.into())
            }
            typed => Ok(typed),
        }
    }
}
