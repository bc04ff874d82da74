//! Where a new secret goes.

use std::path::PathBuf;

use edgelatch_registry::{Created, Idempotency, Keep, Key, Once, format_time};
use serde::Serialize;
use serde_json::Value;

use crate::prelude::*;
use crate::remark::{Remark, remarks};
use crate::secret_file::SecretFile;

#[derive(Args)]
pub(crate) struct SecretTo {
    /// Save the secret in this new file, readable by its owner only, rather than showing it
    #[arg(long, value_name = "FILE.PAK")]
    save: Option<PathBuf>,
    /// A text of your own for this request: repeating it within a day does nothing twice
    #[arg(long, value_name = "TEXT")]
    idempotency_key: Option<String>,
}

impl SecretTo {
    /// Makes a secret, and puts it into the file that was named or else on standard output. `asked` tells a repeated request
    /// from another one.
    pub(super) fn make(
        &self,
        context: &Context,
        asked: &Value,
        what: &str,
        work: impl FnOnce(Option<&Idempotency>, Keep<'_>) -> Result<Once>,
    ) -> Result<ExitCode> {
        let request = asked.to_string();
        let once = self.idempotency_key.as_deref().map(|token| Idempotency::new(token, request.as_bytes())).transpose()?;
        let mut file = self.save.as_deref().map(SecretFile::create).transpose()?;
        let made = work(once.as_ref(), &mut |secret| file.as_mut().map_or(Ok(()), |file| file.put(secret)));
        match made {
            Ok(Once::Done(created)) => print(context, &created, file.map(SecretFile::keep), what),
            Ok(Once::Repeated(key)) => repeated(context, &key, what),
            Err(failure) => Err(SecretFile::after(file, failure)),
        }
    }
}

/// A new key, without a copy of its secret.
#[derive(Serialize)]
struct Shown<'a> {
    key: &'a Key,
    secret: Option<&'a str>,
    saved: Option<&'a str>,
    warnings: Vec<Remark>,
}

fn print(context: &Context, created: &Created, saved: Option<PathBuf>, what: &str) -> Result<ExitCode> {
    let Created { key, secret, warnings } = created;
    let saved = saved.map(|path| path.display().to_string());
    let shown = saved.is_none().then_some(secret.as_str());
    context.show(&Shown { key, secret: shown, saved: saved.as_deref(), warnings: remarks(warnings) }, |_| {
        let place = format_args!("(org {}, owner {})", key.org, key.owner);
        output::note(format_args!("{what} {BOLD}{}{RESET}  {}  {place}", key.key_id, key.name));
        match &saved {
            Some(path) => output::note(format_args!("{DIM}The key is in {path}, and nowhere else.{RESET}")),
            None => {
                output::line(format_args!("{}", secret.as_str()));
                output::note(format_args!("{DIM}The key is shown this once. Store it now.{RESET}"));
            }
        }
        if let Some(until) = key.overlap_until {
            output::note(format_args!("{DIM}The old key is accepted until {}.{RESET}", format_time(until)));
        }
        output::warnings(warnings);
    })
}

/// The answer to a repeated request, with exit code 1: nothing was done this time.
fn repeated(context: &Context, key: &Key, what: &str) -> Result<ExitCode> {
    context.answer(false, &json!({ "key": key, "secret": null, "repeated": true }), |_| {
        let says = "this request came before; the secret was shown then, and is not shown again";
        output::note(format_args!("{what} {BOLD}{}{RESET}  {}: {says}", key.key_id, key.name));
    })
}
