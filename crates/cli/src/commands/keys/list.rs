//! `edgelatch keys list`

use edgelatch_registry::{Direction, KeyOrder, Sort};

use super::view;
use crate::prelude::*;

/// List keys, newest first
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch keys list --state active --search deploy --limit 20
  edgelatch keys list --expires-before 30d --sort expires
  edgelatch keys list --sort last-used --direction asc      # those not used for longest")]
pub(crate) struct List {
    #[command(flatten)]
    filter: Filter,
    /// By what: created, name, expires or last-used
    #[arg(long, default_value = "created", value_parser = read::word::<Sort>)]
    sort: Sort,
    /// Which way: asc or desc [default: names and expiries asc, the others desc]
    #[arg(long, value_name = "WAY", value_parser = read::word::<Direction>)]
    direction: Option<Direction>,
    #[command(flatten)]
    page: Page,
}

impl List {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let order = KeyOrder { sort: Some(self.sort), direction: self.direction };
        let listed = context.open()?.keys().list(&self.filter.into(), order, &self.page.into())?;
        context.show(&listed, |listed| {
            view::table(&listed.keys);
            output::more(listed.next.as_deref());
        })
    }
}
