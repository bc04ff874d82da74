//! `EDGELATCH_ROOT=<base64> EDGELATCH_SOURCE=https://keys.example.com/r/acme PORT=8080 cargo run --package edgelatch-example-axum`
#![forbid(unsafe_code)]

use std::{env, error::Error, net::SocketAddr};

use axum::{Router, routing::get};
use edgelatch_tower::{EdgelatchLayer, HttpSource, Identity, Requirement, Verifier};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let source = HttpSource::new(&env::var("EDGELATCH_SOURCE")?)?;
    let verifier = Verifier::builder(env::var("EDGELATCH_ROOT")?).follow(source).await?;

    let check = EdgelatchLayer::builder(verifier).requirement(Requirement::permission("zone.view")).build()?;
    let app = Router::new().route("/", get(|who: Identity| async move { format!("hello {}\n", who.name) })).layer(check);

    let port = env::var("PORT").unwrap_or("8080".into()).parse()?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://{}/", listener.local_addr()?);
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
