//! `edgelatch usage …`

use edgelatch_core::key::KeyId;
use edgelatch_registry::{BucketSpan, Slug, Total, UsageBucket, UsageQuery, format_time};

use crate::prelude::*;

/// What edges reported
#[derive(Subcommand)]
pub(crate) enum Usage {
    /// How many requests there were, by day or hour: of a key, of an org, or of the whole realm
    #[command(after_help = "\
Example:
  edgelatch usage show --org web
  edgelatch usage show --by hour --key-id key_0a1B2c3D4e5 --since \"2d ago\" --json

Days are those of UTC. Hours are kept for two weeks, days for 400; those without requests are left out.")]
    Show {
        /// How long a bucket is: day or hour
        #[arg(long, value_name = "SPAN", default_value = "day", value_parser = read::words::<BucketSpan>())]
        by: BucketSpan,
        /// Only this org's
        #[arg(long, conflicts_with = "key")]
        org: Option<Slug>,
        /// Only this key's
        #[arg(long = "key-id", visible_alias = "key", value_name = "KEY", value_parser = read::key_id)]
        key: Option<KeyId>,
        #[command(flatten)]
        between: Between,
    },
    /// How often edges gave which verdict, since the realm began
    #[command(after_help = "Example:\n  edgelatch usage totals --json")]
    Totals,
    /// Write the log of requests as JSON lines, in the order in which they were reported, for a system that keeps it elsewhere
    #[command(after_help = "\
Example:
  edgelatch usage export > requests.jsonl
  edgelatch usage export --after 1234 >> requests.jsonl   # only what came since; 1234 is `seq` of the last line")]
    Export(Export),
}

const COLUMNS: &[Column<Total>] = &[("VERDICT", |t| t.code.clone()), ("NUMBER", |t| t.number.to_string())];
const BUCKETS: &[Column<UsageBucket>] =
    &[("FROM", |b| format_time(b.at)), ("ACCEPTED", |b| b.accepted.to_string()), ("REFUSED", |b| b.refused.to_string())];

impl Usage {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let open = context.open()?;
        match self {
            Usage::Show { by, org, key, between } => {
                let query = UsageQuery { by: Some(by), org, key_id: key.map(|key| key.to_string()) };
                let series = open.usage().series(&query, &between.into())?;
                context.show(&series, |series| output::table(BUCKETS, &series.buckets))
            }
            Usage::Totals => context.list(&open.usage().totals()?, COLUMNS),
            Usage::Export(export) => {
                export.write(|after, org| open.usage().export(after, org))?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}
