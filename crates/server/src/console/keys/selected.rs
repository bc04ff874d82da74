//! What is done to the keys that were selected in the table: they are revoked one after the other, each as if alone.

use askama::Template;
use axum::extract::Path;
use axum::http::Method;
use axum::response::{IntoResponse, Redirect};
use serde_json::Value;

use super::super::client::Call;
use super::super::frame::{Frame, page};
use super::super::model::Key;
use super::super::session::Posted;
use super::super::stop::Shown;
use super::{path_of, realm_of};
use crate::limits::MAX_SELECTED;

#[derive(Template)]
#[template(path = "selected.html")]
struct SelectedPage {
    f: Frame,
    /// The keys, and why those were not revoked that were to be.
    keys: Vec<(Key, Option<String>)>,
}

/// Asks whether it is meant, and does it when it is.
pub(crate) async fn act(Path(realm): Path<String>, posted: Posted) -> Shown {
    let Posted { session, fields } = posted;
    let realm = realm_of(&session, &realm)?;
    let (mut keys, mut done) = (Vec::new(), 0_u64);
    for key_id in fields.all("key").take(MAX_SELECTED) {
        let path = path_of(&session, &realm, key_id)?;
        let key: Key = session.get(&path).await?;
        if !fields.has("sure") {
            keys.push((key, None));
            continue;
        }
        let call = Call { revision: Some(key.revision), ..Call::default() };
        match session.act::<Value>(Method::POST, &format!("{path}/revoke"), call).await? {
            Ok(_) => done += 1,
            Err(refused) => keys.push((key, Some(refused.detail))),
        }
    }
    if done > 0 && keys.is_empty() {
        return Ok(Redirect::to(&format!("/console/r/{realm}/keys?done={done}")).into_response());
    }
    Ok(page(&SelectedPage { f: session.frame().within(realm.as_str(), "keys"), keys }))
}
