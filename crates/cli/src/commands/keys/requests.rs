//! `edgelatch keys requests`

use edgelatch_core::key::KeyId;
use edgelatch_registry::{Request, format_time};

use crate::prelude::*;

/// List the requests made with a key, as edges reported them, newest first
#[derive(Args)]
#[command(after_help = "Example:\n  edgelatch keys requests key_0a1B2c3D4e5 --since \"7d ago\" --limit 20")]
pub(crate) struct Requests {
    /// Its public id; that of a deleted key will do
    #[arg(value_name = "KEY_ID", value_parser = read::key_id)]
    key: KeyId,
    #[command(flatten)]
    between: Between,
    #[command(flatten)]
    page: Page,
}

const COLUMNS: &[Column<Request>] = &[
    ("TIME", |r| format_time(r.at)),
    ("METHOD", |r| r.method.clone()),
    ("ENDPOINT", |r| r.endpoint.clone()),
    ("IP", |r| or_dash(r.ip.as_deref().unwrap_or_default())),
    ("COUNTRY", |r| or_dash(r.country.as_deref().unwrap_or_default())),
    ("STATUS", |r| r.status.to_string()),
    ("VERDICT", |r| r.code.clone()),
];

impl Requests {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let listed = context.open()?.usage().requests(self.key, &self.between.into(), &self.page.into())?;
        context.show(&listed, |listed| {
            output::table(COLUMNS, &listed.requests);
            output::more(listed.next.as_deref());
        })
    }
}
