//! Style and scripts. They are part of the program, and named by what they hold: so browsers keep them for good, and never an old one.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use edgelatch_core::hex::Hex;
use sha2::{Digest, Sha256};

/// A file that pages refer to.
pub(super) struct Asset {
    bytes: &'static [u8],
    kind: &'static str,
    name: LazyLock<String>,
}

impl Asset {
    /// With the beginning of its digest.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

macro_rules! assets {
    ($($asset:ident = $file:literal, $stem:literal, $end:literal, $kind:literal;)*) => {
        $(pub(super) static $asset: Asset = Asset {
            bytes: include_bytes!(concat!("../../assets/console/", $file)),
            kind: $kind,
            name: LazyLock::new(|| {
                let digest = Sha256::digest(include_bytes!(concat!("../../assets/console/", $file)));
                format!("{}.{}.{}", $stem, Hex(digest.get(..8).unwrap_or_default()), $end)
            }),
        };)*

        const ALL: &[&Asset] = &[$(&$asset),*];
    };
}

assets! {
    STYLE = "style.css", "style", "css", "text/css; charset=utf-8";
    SCRIPT = "console.js", "console", "js", "text/javascript; charset=utf-8";
    HTMX = "htmx.min.js", "htmx", "js", "text/javascript; charset=utf-8";
}

/// Serves one of them.
pub(super) async fn serve(Path(name): Path<String>) -> Result<Response, StatusCode> {
    let asset = ALL.iter().find(|asset| asset.name() == name).ok_or(StatusCode::NOT_FOUND)?;
    let kept = "public, max-age=31536000, immutable";
    Ok(([(header::CONTENT_TYPE, asset.kind), (header::CACHE_CONTROL, kept)], asset.bytes).into_response())
}
