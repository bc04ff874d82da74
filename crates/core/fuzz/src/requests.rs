//! Input: a byte that chooses where a key may stand, and a request block.
//!
//! SPEC.md section 9, and the RFCs that it names.

use crate::oracle::credentials::{Fault, Location, Places, extract};
use crate::oracle::request::Request;
use edgelatch_core::http::{self, Block, CredentialHeaders, ExtractError, KeyLocation};

const LOCATIONS: [Option<&str>; 8] = [
    None,
    Some("header x-own"),
    Some("header x-own Token"),
    Some("header authorization"),
    Some("header Authorization Token"),
    Some("basic username"),
    Some("basic password"),
    Some("header cookie"),
];

/// Checks everything of one input.
pub fn attack(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else { return };
    let (request, block) = (Request::read(bytes), Block::parse(bytes));
    let (request, block) = match (request, block) {
        (Some(request), Ok(block)) => (request, block),
        (None, Err(error)) => return assert!(!error.to_string().is_empty()),
        (request, block) => panic!("section 9 {request:?}, the core {block:?}"),
    };
    assert_eq!((block.peer(), block.proxy_line()), (request.peer, request.proxy));
    assert_eq!((block.method(), block.target()), (request.method, request.target));
    assert_eq!(http::host_ok(&block), request.host_ok());
    assert_eq!(http::is_preflight(&block), request.is_preflight());
    assert_eq!(http::normalize_path(block.path()).as_deref(), crate::paths::normal(request.path()).as_deref());

    let location = LOCATIONS[usize::from(choice >> 3 & 7)];
    let query = (choice >> 2 & 1 == 1).then_some("api_key");
    let places = Places {
        bearer: choice & 1 == 1,
        api_key: choice & 2 == 2,
        query,
        location: location.map(|text| Location::read(text).expect("a location")),
    };
    let own = location.map(|text| KeyLocation::parse(text).expect("a location"));
    let credentials = CredentialHeaders::from_bits(choice & 3).unwrap_or(CredentialHeaders::empty());
    let found = http::extract(&block, http::Places { credentials, query, location: own.as_ref() });
    let found = found.map(|key| key.to_vec()).map_err(|error| match error {
        ExtractError::Missing => Fault::Missing,
        ExtractError::InvalidRequest => Fault::Invalid,
    });
    let wanted = extract(&request.lines, request.target, &places);
    assert_eq!(found, wanted, "{places:?}");
}
