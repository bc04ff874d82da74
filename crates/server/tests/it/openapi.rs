//! The API's document: the checked-in copy is what the code makes of it, and it describes every route and nothing else.

use std::collections::BTreeSet;
use std::path::Path;

use edgelatch_server::{API_ROUTES, api_document};

#[test]
fn the_copy_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let made = api_document().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("EDGELATCH_WRITE").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "openapi.json is not what the code says; write it with: EDGELATCH_WRITE=1 cargo test -p edgelatch-server --test it openapi"
    );
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let document = serde_json::to_value(api_document()).unwrap();
    let mut described = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            described.insert((method.clone(), path.clone()));
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{operation}");
            assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path}");
        }
    }
    let routed = API_ROUTES.iter().map(|(method, path)| ((*method).to_owned(), (*path).to_owned()));
    assert_eq!(routed.collect::<BTreeSet<_>>(), described);
}

#[test]
fn whatever_is_referred_to_is_there() {
    let text = api_document().to_json().unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let refs = text.split("\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next());
    let missing: BTreeSet<_> = refs.filter(|name| !schemas.contains_key(*name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
