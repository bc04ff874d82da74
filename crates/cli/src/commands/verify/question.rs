//! What an edge is asked: a key, or a whole request.

use edgelatch_core::http::{Block, BlockError, BlockWriter};
use zeroize::Zeroizing;

use crate::prelude::*;

/// The key's text: as given, from standard input, or from the environment.
pub(super) fn key(given: Option<String>, from_stdin: bool) -> Result<Zeroizing<String>> {
    if from_stdin {
        return read::secret();
    }
    given
        .map_or_else(|| std::env::var("EDGELATCH_KEY"), Ok)
        .map(Zeroizing::new)
        .map_err(|_| Failure::usage("which key? pipe it in with --key-stdin, or set EDGELATCH_KEY, or give --header lines"))
}

/// The request as edges read it: a block of lines (SPEC.md section 9).
pub(super) fn request(ip: Option<&str>, path: &str, headers: &[String]) -> Result<Zeroizing<Vec<u8>>> {
    let wrong = || Failure::usage("--header: must be one line `Name: value`");
    let headers = headers.iter().map(|line| line.split_once(':').ok_or_else(wrong)).collect::<Result<Vec<_>>>()?;
    let mut block = BlockWriter::new(ip, "GET", path);
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        block.line("host", b"localhost");
    }
    headers.iter().for_each(|(name, value)| block.line(name, value.as_bytes()));
    let block = block.finish();
    // What no request can hold is a slip of the pen; whatever else is wrong with it is for the verdict to say.
    if let Err(BlockError::Control { .. }) = Block::parse(&block) {
        return Err(wrong());
    }
    Ok(block)
}
