//! Which page of a list, and from which stretch of time.

use clap::Args;
use edgelatch_registry::{Paging, When, Window};

use super::read;

/// One page of a list.
#[derive(Args)]
pub(crate) struct Page {
    /// At most this many, up to 500
    #[arg(long, default_value_t = 50)]
    limit: u64,
    /// Where the last page ended
    #[arg(long)]
    cursor: Option<String>,
}

impl From<Page> for Paging {
    fn from(page: Page) -> Paging {
        Paging { limit: Some(page.limit).filter(|limit| *limit > 0), cursor: page.cursor }
    }
}

/// A stretch of time.
#[derive(Args)]
pub(crate) struct Between {
    /// Only from this time on: `7d ago`, a date or an RFC 3339 time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = read::text::<When>)]
    since: Option<When>,
    /// Only before this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = read::text::<When>)]
    until: Option<When>,
}

impl From<Between> for Window {
    fn from(Between { since, until }: Between) -> Window {
        Window { since, until }
    }
}
