//! `edgelatch keys import …`

use std::path::PathBuf;

use clap::Args;

use super::keys::KeyFields;

#[derive(Args)]
pub(crate) struct Import {
    /// A file of digests, or - for standard input
    #[arg(
        required_unless_present = "sha256",
        conflicts_with_all = ["sha256", "name", "description", "scope", "allow", "deny", "order", "allow_mode", "expires", "not_before", "metadata"]
    )]
    pub(crate) file: Option<PathBuf>,
    /// How the file is written: csv or jsonl [default: as its name ends]
    #[arg(long, conflicts_with = "sha256")]
    pub(crate) format: Option<String>,
    /// Only report what would be refused
    #[arg(long, conflicts_with = "sha256")]
    pub(crate) dry_run: bool,
    /// One key: SHA-256 of its whole text, as 64 hexadecimal digits or base64
    #[arg(long, value_name = "DIGEST", requires = "name")]
    pub(crate) sha256: Option<String>,
    /// What people call that one key
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Of that one key; org, owner, roles and environment also stand for what lines of a file leave out
    #[command(flatten)]
    pub(crate) fields: KeyFields,
}
