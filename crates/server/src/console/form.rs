//! Forms as browsers send them.

use axum::body::Body;
use axum::http::request::Parts;

use crate::api::incoming::Incoming;
use crate::limits::{MAX_FORM_BYTES, MAX_FORM_FIELDS};
use crate::problem::Problem;

/// The fields of a form, in its order.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The fields of a query or a body.
    pub(super) fn parse(text: &[u8]) -> Fields {
        Fields(
            form_urlencoded::parse(text)
                .take(MAX_FORM_FIELDS)
                .map(|(name, value)| (name.into_owned(), lines(&value)))
                .collect(),
        )
    }

    /// What a field holds; none if it is not there.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    /// The same without blanks around it; empty if it is not there.
    pub(super) fn text(&self, name: &str) -> &str {
        self.one(name).unwrap_or_default().trim()
    }

    /// What all fields of a name hold.
    pub(super) fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    /// Whether a box is checked.
    pub(super) fn has(&self, name: &str) -> bool {
        self.one(name).is_some()
    }

    /// All of them.
    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

/// Browsers end the lines of a text with two characters.
fn lines(value: &str) -> String {
    value.replace("\r\n", "\n")
}

/// Reads a form's body.
pub(super) async fn read(parts: &Parts, body: Body) -> Result<Fields, Problem> {
    let incoming = Incoming::new(parts, body);
    incoming.expect(&["application/x-www-form-urlencoded"])?;
    let mut bytes = Vec::new();
    let all = incoming.each(MAX_FORM_BYTES, |piece| {
        bytes.extend_from_slice(&piece);
        Ok(())
    });
    all.await?;
    Ok(Fields::parse(&bytes))
}
