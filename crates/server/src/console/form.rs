//! Forms as browsers send them.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use multer::{Constraints, Field, Multipart, SizeLimit};
use tokio::time::timeout;

use crate::api::incoming::Incoming;
use crate::limits::{BODY_TIMEOUT, MAX_FORM_BYTES, MAX_FORM_FIELDS, MAX_IMPORT_BYTES};
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

const PLAIN: &str = "application/x-www-form-urlencoded";

/// Reads a form's body.
pub(super) async fn read(parts: &Parts, body: Body) -> Result<Fields, Problem> {
    let incoming = Incoming::new(parts, body);
    incoming.expect(&[PLAIN])?;
    let mut bytes = Vec::new();
    let all = incoming.each(MAX_FORM_BYTES, |piece| {
        bytes.extend_from_slice(&piece);
        Ok(())
    });
    all.await?;
    Ok(Fields::parse(&bytes))
}

/// A file that somebody chose in a form, not yet read.
pub(super) struct Upload {
    pub(super) name: String,
    field: Field<'static>,
}

impl Upload {
    /// What it holds, piece by piece.
    pub(super) fn body(self) -> Body {
        Body::from_stream(self.field)
    }
}

/// Reads a form that may have a file: its fields up to the first file that was chosen, which is left for whoever wants it. What stands behind that is not
/// read.
pub(super) async fn read_with_file(parts: &Parts, body: Body) -> Result<(Fields, Option<Upload>), Problem> {
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let Ok(boundary) = multer::parse_boundary(kind) else { return Ok((read(parts, body).await?, None)) };
    let sizes = SizeLimit::new().per_field(MAX_FORM_BYTES as u64).for_field("file", MAX_IMPORT_BYTES as u64);
    let mut all = Multipart::with_constraints(body.into_data_stream(), boundary, Constraints::new().size_limit(sizes));
    let first = async {
        let (mut fields, mut bytes) = (Vec::new(), 0);
        while let Some(field) = all.next_field().await? {
            let file = field.file_name().filter(|name| !name.is_empty()).map(ToOwned::to_owned);
            if let Some(name) = file {
                return Ok((fields, Some(Upload { name, field })));
            }
            let name = field.name().unwrap_or_default().to_owned();
            let value = field.text().await?;
            bytes += name.len() + value.len();
            if bytes > MAX_FORM_BYTES || fields.len() >= MAX_FORM_FIELDS {
                return Err(multer::Error::StreamSizeExceeded { limit: MAX_FORM_BYTES as u64 });
            }
            fields.push((name, lines(&value)));
        }
        Ok((fields, None))
    };
    let late = |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "slow", "The form came too slowly", "send it again");
    let (fields, file) = timeout(BODY_TIMEOUT, first).await.map_err(late)?.map_err(|error| unreadable(&error))?;
    Ok((Fields(fields), file))
}

/// Why parts of a form cannot be read. What stands in them is not repeated.
fn unreadable(error: &multer::Error) -> Problem {
    use multer::Error::{FieldSizeExceeded, StreamSizeExceeded};
    match error {
        FieldSizeExceeded { .. } | StreamSizeExceeded { .. } => {
            let detail = format!("the form is larger than the limit of {MAX_FORM_BYTES} bytes");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The form is too large", detail)
        }
        _ => Problem::new(StatusCode::BAD_REQUEST, "broken", "The form broke off", "its parts cannot be told apart"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn sent(text: &'static str) -> Result<(Fields, Option<Upload>), Problem> {
        let request = Request::builder().header("content-type", "multipart/form-data; boundary=b").body(()).unwrap();
        let parts = request.into_parts().0;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(read_with_file(&parts, Body::from(text)))
    }

    #[test]
    fn a_file_is_left_until_the_fields_before_it_were_read() {
        let field = "--b\r\nContent-Disposition: form-data; name=\"form\"\r\n\r\none\r\ntwo\r\n";
        let file = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\nsha256,name\r\n--b--\r\n";
        let none = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\"\r\n\r\n\r\n--b--\r\n";
        let leaked = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
        let (fields, upload) = sent(leaked(format!("{field}{file}"))).unwrap();
        assert_eq!((fields.one("form"), upload.unwrap().name.as_str()), (Some("one\ntwo"), "a.csv"));
        // A field of files of which none was chosen is none; what stands behind a file is no field of the form.
        let (fields, upload) = sent(leaked(format!("{field}{none}"))).unwrap();
        assert!(fields.one("form").is_some() && upload.is_none());
        let (fields, upload) = sent(leaked(format!("{}{field}{}", &file[..file.len() - 7], none))).unwrap();
        assert!(fields.one("form").is_none() && upload.is_some());
        let status = |text: String| sent(leaked(text)).err().map(|problem| problem.status());
        assert_eq!(status(field.into()), Some(400));
        assert_eq!(status(format!("{}{none}", field.replace("one", &"a".repeat(MAX_FORM_BYTES)))), Some(413));
    }
}
