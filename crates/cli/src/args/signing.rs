//! Programs that sign heads.

use clap::Args;
use edgelatch_sync::{SIGNER_LIMIT, SignerCommand};

use super::read;

/// Who signs heads beside the key files of the data directory and `EDGELATCH_PUBLISHER_KEY`.
#[derive(Args)]
pub(crate) struct Signing {
    /// Sign heads with a program, repeatable: it gets what is to be signed on standard input and answers with the signature, 64 bytes or
    /// base64url; with --public behind its arguments it answers with its public key. Words as for a shell, or a JSON array. Key files
    /// and EDGELATCH_PUBLISHER_KEY count beside it
    #[arg(long = "signer", value_name = "COMMAND", value_parser = read::signer(SIGNER_LIMIT))]
    pub(crate) signers: Vec<SignerCommand>,
}
