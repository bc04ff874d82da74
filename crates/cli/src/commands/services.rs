//! `edgelatch services`

use edgelatch_registry::{KnownService, Slug};

use crate::prelude::*;

/// List services: those that orgs list in their settings, and those that scopes of keys name
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch services --org web
  edgelatch orgs set web 'services=[\"cdn\",\"dns\"]'        # no key is for any other from then on
  edgelatch keys list --service cdn")]
pub(crate) struct Services {
    /// Only this org's
    #[arg(long)]
    org: Option<Slug>,
    #[command(flatten)]
    page: Page,
}

const COLUMNS: &[Column<KnownService>] = &[
    ("ORG", |s| s.org.to_string()),
    ("SERVICE", |s| s.service.to_string()),
    ("LISTED", |s| if s.listed { "yes" } else { "no" }.into()),
    ("KEYS", |s| s.keys.to_string()),
];

impl Services {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let page = context.open()?.keys().services(self.org.as_ref(), &self.page.into())?;
        context.show(&page, |page| {
            output::page(COLUMNS, &page.services, page.next.as_deref());
            output::note(format_args!("{DIM}{} keys are for all services{RESET}", page.unscoped));
        })
    }
}
