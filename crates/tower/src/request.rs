//! From a request to the text that the core parses, the request block (SPEC section 9).

use std::net::IpAddr;

use edgelatch_core::http::BlockWriter;
use edgelatch_http::{Judge, RequestLine};
use http::request::Parts;
use http::{Uri, Version};

/// The address of a connection's other end, for servers that are none of axum's: put it into each request's extensions, or say it by
/// [`peer`](crate::LayerBuilder::peer).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// The address of the connection, as far as the server has told it.
pub(crate) fn peer_of(request: &Parts) -> Option<IpAddr> {
    let told = request.extensions.get::<Peer>().map(|peer| peer.0);
    #[cfg(feature = "axum")]
    let told = told.or_else(|| {
        let connected = request.extensions.get::<axum::extract::ConnectInfo<std::net::SocketAddr>>();
        connected.map(|connected| connected.0.ip())
    });
    told
}

/// The target as it was received, whatever routers made of it since.
pub(crate) fn target_of(request: &Parts) -> &Uri {
    #[cfg(feature = "axum")]
    if let Some(original) = request.extensions.get::<axum::extract::OriginalUri>() {
        return &original.0;
    }
    &request.uri
}

/// The block of a request.
pub(crate) fn block_of(judge: &Judge, request: &Parts, peer: Option<IpAddr>) -> BlockWriter {
    let uri = target_of(request);
    // Servers of HTTP/2 put its pseudo-headers together into an address that nobody has sent.
    let second = request.version >= Version::HTTP_2;
    let target = if second { uri.path_and_query().map_or_else(String::new, ToString::to_string) } else { uri.to_string() };
    let authority = uri.authority().filter(|_| second).map(|authority| authority.as_str());
    let line = RequestLine { peer, method: request.method.as_str(), target: &target, authority };
    judge.block(line, |name, line| request.headers.get_all(name).iter().for_each(line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgelatch_core::edge::{Edge, HostConfig};
    use edgelatch_testkit::core::build::sign_root;
    use edgelatch_testkit::realm::{root_fields, signers};
    use http::Request;

    fn block(request: http::request::Builder) -> String {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let edge = Edge::new(&sign_root(&root_fields(1), &signers(&[1])).unwrap(), HostConfig::default()).unwrap();
        String::from_utf8(block_of(&Judge::new(&edge), &parts, peer_of(&parts)).finish().to_vec()).unwrap()
    }

    #[test]
    fn every_line_is_handed_over_and_no_other() {
        let request =
            Request::get("/a?b=c").header("x-api-key", "1").header("cookie", "x").header("X-API-KEY", "2").header("host", "h");
        assert_eq!(
            block(request.extension(Peer([192, 0, 2, 1].into()))),
            "192.0.2.1\nGET /a?b=c\nx-api-key:1\nx-api-key:2\nhost:h\n"
        );
    }

    #[test]
    fn targets_are_as_they_were_received() {
        assert_eq!(block(Request::get("http://h/a")), "\nGET http://h/a\n");
        assert_eq!(block(Request::options("*").header("host", "h")), "\nOPTIONS *\nhost:h\n");
        let second = Request::get("https://h:8/a?b").version(Version::HTTP_2).header("host", "other");
        assert_eq!(block(second), "\nGET /a?b\n:authority:h:8\nhost:other\n");
    }

    #[cfg(feature = "axum")]
    #[test]
    fn what_axum_says_is_heard_and_what_the_host_says_counts_more() {
        use axum::extract::{ConnectInfo, OriginalUri};
        use std::net::SocketAddr;
        let inner = || {
            let connected = ConnectInfo(SocketAddr::from(([192, 0, 2, 9], 1)));
            Request::get("/zones").extension(OriginalUri(Uri::from_static("/api/zones"))).extension(connected)
        };
        assert_eq!(block(inner()), "192.0.2.9\nGET /api/zones\n");
        assert_eq!(block(inner().extension(Peer([192, 0, 2, 1].into()))), "192.0.2.1\nGET /api/zones\n");
    }
}
