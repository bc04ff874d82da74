//! HTTP as far as a verification needs it: pure functions over the header lines that a host passes in.
//!
//! Nothing here asks a framework's merged header map: lines arrive as they were received, so that a repeated line is seen.

mod block;
mod chars;
mod credential;
mod host;
mod location;
mod path;
mod value;
mod writer;

pub use block::{Block, BlockError, Lines};
pub use credential::{CredentialHeaders, Places, extract, is_query_name};
pub use host::{host_ok, is_preflight};
pub use location::KeyLocation;
pub use path::normalize_path;
pub use value::ExtractError;
pub use writer::BlockWriter;

pub(crate) use block::INTEREST;
pub(crate) use chars::{is_token, is_token68, is_unreserved, split_once, take_quoted, take_token, trim};
pub(crate) use host::is_port;
