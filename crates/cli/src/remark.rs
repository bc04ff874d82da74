//! Warnings as they are told here: with the command that helps, of which the registry knows nothing.

use edgelatch_registry::Warning;
use serde::Serialize;

/// A warning, and the command that helps.
#[derive(Serialize)]
pub(crate) struct Remark {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// A result, and what there is to say of how it came about.
#[derive(Serialize)]
pub(crate) struct Remarked<'r, T> {
    #[serde(flatten)]
    pub(crate) result: &'r T,
    pub(crate) warnings: &'r [Remark],
}

/// All of them.
pub(crate) fn remarks(warnings: &[Warning]) -> Vec<Remark> {
    let remark = |warning: &Warning| {
        let message = remedy(warning).map_or_else(|| warning.to_string(), |remedy| format!("{warning}: {remedy}"));
        Remark { code: warning.code(), message }
    };
    warnings.iter().map(remark).collect()
}

fn remedy(warning: &Warning) -> Option<String> {
    match warning {
        Warning::OwnerWithoutRoles { org, owner } => Some(format!("`edgelatch owners edit {owner} --org {org} --role ROLE`")),
        Warning::OwnerDisabled { org, owner } => Some(format!("`edgelatch owners enable {owner} --org {org}`")),
        _ => None,
    }
}
