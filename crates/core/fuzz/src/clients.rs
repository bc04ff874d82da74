//! Input: the text of a client-address rule, a line feed, and a request block.
//!
//! SPEC.md section 10, Client address.

use crate::addresses::std_of;
use crate::oracle::request::Request;
use crate::oracle::rule::Rule;
use edgelatch_core::client_ip::ClientIpRule;
use edgelatch_core::http::{Block, Lines};

/// Checks everything of one input.
pub fn attack(data: &[u8]) {
    let (rule, block) = crate::line(data);
    let Ok(rule) = std::str::from_utf8(rule) else { return };
    let (wanted, read) = (Rule::read(rule), ClientIpRule::parse(rule));
    let (wanted, read) = match (wanted, read) {
        (Some(wanted), Ok(read)) => (wanted, read),
        (None, Err(error)) => return assert!(!error.to_string().is_empty()),
        (wanted, read) => panic!("section 10 {wanted:?}, the core {read:?}"),
    };
    assert!(read.header_names().all(|name| name == name.to_ascii_lowercase()));
    // Hosts may hand over lines that are in no block.
    read.derive(Some(block), Some(block), Lines::new(block));
    let (Ok(core), Some(request)) = (Block::parse(block), Request::read(block)) else { return };
    let found = read.derive(core.peer(), core.proxy_line(), core.lines());
    assert_eq!(found.map(std_of), wanted.derive(&request));
}
