//! `cargo build --release && viceroy -C fastly.toml target/wasm32-wasip1/release/edgelatch-example-fastly.wasm`
#![forbid(unsafe_code)]

use edgelatch_fastly::{Guard, Requirement, Source};
use fastly::{ConfigStore, Error, Request, Response};

#[fastly::main]
fn main(request: Request) -> Result<Response, Error> {
    let settings = ConfigStore::open("edgelatch");
    let setting = |name: &str| settings.get(name).unwrap_or_default();
    let source = Source::backend("keys", &setting("source"))?;

    let mut guard = Guard::builder(setting("root"), source).requirement(Requirement::permission("zone.view")).build()?;
    guard.handle(request, |_, verdict| {
        let name = verdict.identity().map_or("", |who| &who.name);
        Ok(Response::from_body(format!("hello {name}\n")))
    })
}
