//! Presets: what each platform documents about the client's address. Data only; a new platform is a new row.

use super::chain::Chain;
use super::value::{is_port, single};
use crate::http::Lines;
use crate::ip::{Ip, parse_v6};

/// A platform and where it puts the client's address.
#[derive(Debug, PartialEq, Eq)]
pub struct Platform {
    /// The name in configurations.
    pub name: &'static str,
    /// Tried in order; the first one that is there decides, even if it is bad.
    pub(super) places: &'static [Place],
    /// What the row is based on.
    pub basis: &'static str,
}

/// One place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// What the runtime says about the connection.
    Connection,
    /// One header line with one address.
    Header(&'static str),
    /// The same, with the source port after the last colon; IPv6 with or without brackets.
    HeaderWithPort(&'static str),
    /// One header line; when it holds a stand-in from 240.0.0.0/4, the second one has the IPv6 address.
    PseudoV4(&'static str, &'static str),
    /// The n-th address from the right of X-Forwarded-For: the platform appends what it saw.
    Appended(u8),
}

use Place::{Appended, Connection, Header, HeaderWithPort, PseudoV4};

/// Every preset. A header here is one that the platform overwrites or appends to; that requests reach the program through
/// the platform only is what choosing the preset states.
pub const PLATFORMS: &[Platform] = &[
    Platform {
        name: "akamai",
        places: &[Header("true-client-ip")],
        basis: "Origin Server behavior `True Client IP Header`; `Allow clients to set` must be off",
    },
    Platform {
        name: "app-engine",
        places: &[Header("x-appengine-user-ip")],
        basis: "Google App Engine, request headers: set by the front end, removed from what a client sends",
    },
    Platform {
        name: "aws-alb",
        places: &[Appended(1)],
        basis: "Elastic Load Balancing, X-Forwarded-For: appended to by default, with or without the client's port",
    },
    Platform {
        name: "azure",
        places: &[Header("x-azure-socketip")],
        basis: "Azure Front Door, HTTP headers: the TCP connection's address; X-Azure-ClientIP may be a client's own word",
    },
    Platform { name: "bun", places: &[Connection], basis: "Bun.serve, `server.requestIP(request).address`" },
    Platform {
        name: "cloudflare",
        places: &[PseudoV4("cf-connecting-ip", "cf-connecting-ipv6")],
        basis: "Cloudflare HTTP headers; Pseudo IPv4 with `Overwrite Headers` puts class E stand-ins in CF-Connecting-IP",
    },
    Platform {
        name: "cloudfront",
        places: &[HeaderWithPort("cloudfront-viewer-address")],
        basis: "CloudFront request headers: viewer address and source port, `198.51.100.10:46532`",
    },
    Platform { name: "deno", places: &[Connection], basis: "Deno.serve, `info.remoteAddr.hostname`" },
    Platform {
        name: "fastly",
        places: &[Connection],
        basis: "Fastly Compute, `event.client.address`; Fastly-Client-IP is taken from the client when sent",
    },
    Platform {
        name: "fly",
        places: &[Header("fly-client-ip")],
        basis: "Fly.io request headers: the address that Fly Proxy accepted the connection from",
    },
    Platform {
        name: "gcp-lb",
        places: &[Appended(2)],
        basis: "Google Cloud external Application Load Balancer: appends `client,load-balancer` to X-Forwarded-For",
    },
    Platform {
        name: "heroku",
        places: &[Appended(1)],
        basis: "Heroku HTTP routing: the router appends the connecting address to X-Forwarded-For",
    },
    Platform {
        name: "lambda",
        places: &[Connection],
        basis: "AWS Lambda behind API Gateway or a function URL, `requestContext.http.sourceIp`; Lambda@Edge, `request.clientIp`",
    },
    Platform {
        name: "netlify",
        places: &[Header("x-nf-client-connection-ip"), Connection],
        basis: "Netlify Functions header; Edge Functions give the same as `context.ip`",
    },
    Platform { name: "node", places: &[Connection], basis: "Node.js, `request.socket.remoteAddress`" },
    Platform {
        name: "vercel",
        places: &[Header("x-vercel-forwarded-for"), Header("x-real-ip")],
        basis: "Vercel request headers: both overwritten at the edge; a proxy in front can change only the second",
    },
];

impl Platform {
    pub(super) fn derive(&self, peer: Option<&[u8]>, lines: Lines<'_>) -> Option<Ip> {
        self.places.iter().find(|place| place.is_there(peer, lines))?.read(peer, lines)
    }
}

impl Place {
    /// The headers it reads.
    pub(super) fn header_names(&self) -> impl Iterator<Item = &'static str> + use<> {
        let names = match *self {
            Connection => [None, None],
            Header(name) | HeaderWithPort(name) => [Some(name), None],
            PseudoV4(name, v6) => [Some(name), Some(v6)],
            Appended(_) => [Some(Chain::XForwardedFor.name()), None],
        };
        names.into_iter().flatten()
    }

    fn is_there(&self, peer: Option<&[u8]>, lines: Lines<'_>) -> bool {
        match self.header_names().next() {
            Some(name) => lines.values(name).next().is_some(),
            None => peer.is_some(),
        }
    }

    fn read(&self, peer: Option<&[u8]>, lines: Lines<'_>) -> Option<Ip> {
        match *self {
            Connection => Ip::parse(peer?).ok(),
            Header(name) => single(name, lines),
            HeaderWithPort(name) => with_port(lines.only(name).ok()??),
            PseudoV4(name, v6) => match single(name, lines)? {
                Ip::V4(stand_in) if stand_in >> 28 == 0xf => single(v6, lines).filter(|ip| matches!(ip, Ip::V6(_))),
                ip => Some(ip),
            },
            Appended(hops) => Chain::XForwardedFor.nth_from_right(hops, lines),
        }
    }
}

/// `192.0.2.1:443`, `2001:db8::1:443` or `[2001:db8::1]:443`.
fn with_port(text: &[u8]) -> Option<Ip> {
    let (address, port) = text.split_at_checked(text.iter().rposition(|&b| b == b':')?)?;
    if !port.strip_prefix(b":").is_some_and(is_port) {
        return None;
    }
    match address.strip_prefix(b"[") {
        Some(rest) => parse_v6(rest.strip_suffix(b"]")?).map(Ip::from_v6),
        None => Ip::parse(address).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn derive(name: &str, peer: Option<&str>, lines: &str) -> alloc::string::String {
        let platform = PLATFORMS.iter().find(|p| p.name == name).unwrap();
        platform.derive(peer.map(str::as_bytes), Lines::new(lines.as_bytes())).map_or("UNKNOWN".into(), |ip| ip.to_string())
    }

    #[test]
    fn names_are_sorted_and_headers_are_lower_case() {
        assert!(PLATFORMS.is_sorted_by(|a, b| a.name < b.name));
        for name in PLATFORMS.iter().flat_map(|p| p.places).flat_map(Place::header_names) {
            assert_eq!(name, name.to_ascii_lowercase());
        }
    }

    #[test]
    fn cloudflare() {
        for (lines, want) in [
            ("CF-Connecting-IP: 198.51.100.9\nX-Forwarded-For: 10.0.0.1\nTrue-Client-IP: 10.0.0.1", "198.51.100.9"),
            ("cf-connecting-ip:2001:db8::1", "2001:db8::1"),
            ("CF-Connecting-IP: 198.51.100.9\nCF-Connecting-IPv6: 2001:db8::1", "198.51.100.9"),
            ("CF-Connecting-IP: 240.1.2.3\nCF-Connecting-IPv6: 2001:db8::1", "2001:db8::1"),
            ("CF-Connecting-IP: ::ffff:255.1.2.3\nCF-Connecting-IPv6: 2001:db8::1", "2001:db8::1"),
            ("CF-Connecting-IP: 239.255.255.255\nCF-Connecting-IPv6: 2001:db8::1", "239.255.255.255"),
            ("CF-Connecting-IP: 240.1.2.3", "UNKNOWN"),
            ("CF-Connecting-IP: 240.1.2.3\nCF-Pseudo-IPv4: 240.1.2.3", "UNKNOWN"),
            ("CF-Connecting-IP: 240.1.2.3\nCF-Connecting-IPv6: bad", "UNKNOWN"),
            ("CF-Connecting-IP: 240.1.2.3\nCF-Connecting-IPv6: 198.51.100.9", "UNKNOWN"),
            ("CF-Connecting-IP: 240.1.2.3\nCF-Connecting-IPv6: ::ffff:198.51.100.9", "UNKNOWN"),
            ("CF-Connecting-IP: 240.1.2.3\nCF-Connecting-IPv6: ::1\nCF-Connecting-IPv6: ::1", "UNKNOWN"),
            ("CF-Connecting-IPv6: 2001:db8::1", "UNKNOWN"),
            ("CF-Connecting-IP: 198.51.100.9\nCF-Connecting-IP: 198.51.100.9", "UNKNOWN"),
            ("CF-Connecting-IP: 198.51.100.9, 198.51.100.9", "UNKNOWN"),
            ("CF-Connecting-IP: 198.51.100.9:80", "UNKNOWN"),
            ("CF-Connecting-IP:", "UNKNOWN"),
            ("", "UNKNOWN"),
        ] {
            assert_eq!(derive("cloudflare", Some("203.0.113.7"), lines), want, "{lines}");
        }
    }

    #[test]
    fn connection_platforms_read_no_header() {
        let lines = "X-Forwarded-For: 10.0.0.1\nFastly-Client-IP: 10.0.0.1\nX-Real-IP: 10.0.0.1\nForwarded: for=10.0.0.1";
        for name in ["bun", "deno", "fastly", "lambda", "node"] {
            assert_eq!(derive(name, Some("::ffff:198.51.100.9"), lines), "198.51.100.9", "{name}");
            for unknown in [None, Some("undefined"), Some(""), Some("fe80::1%eth0")] {
                assert_eq!(derive(name, unknown, lines), "UNKNOWN", "{name}");
            }
        }
    }

    #[test]
    fn header_platforms() {
        for (name, lines, want) in [
            ("akamai", "True-Client-IP: 198.51.100.9", "198.51.100.9"),
            ("app-engine", "X-Appengine-User-IP: 2001:db8::1", "2001:db8::1"),
            ("aws-alb", "X-Forwarded-For: 10.0.0.1, 198.51.100.9:5000", "198.51.100.9"),
            ("aws-alb", "X-Forwarded-For: 198.51.100.9,", "UNKNOWN"),
            ("azure", "X-Azure-ClientIP: 10.0.0.1\nX-Azure-SocketIP: 198.51.100.9", "198.51.100.9"),
            ("cloudfront", "CloudFront-Viewer-Address: 198.51.100.9:46532", "198.51.100.9"),
            ("cloudfront", "CloudFront-Viewer-Address: 2001:db8::1:46532", "2001:db8::1"),
            ("cloudfront", "CloudFront-Viewer-Address: 2001:db8:0:0:0:0:0:1:46532", "2001:db8::1"),
            ("cloudfront", "CloudFront-Viewer-Address: [2001:db8::1]:46532", "2001:db8::1"),
            ("cloudfront", "CloudFront-Viewer-Address: 198.51.100.9", "UNKNOWN"),
            ("cloudfront", "CloudFront-Viewer-Address: 2001:db8:0:0:0:0:0:1", "UNKNOWN"),
            ("cloudfront", "CloudFront-Viewer-Address: 198.51.100.9:", "UNKNOWN"),
            ("cloudfront", "CloudFront-Viewer-Address: [198.51.100.9]:80", "UNKNOWN"),
            ("fly", "Fly-Client-IP: 198.51.100.9\nX-Forwarded-For: 10.0.0.1", "198.51.100.9"),
            ("gcp-lb", "X-Forwarded-For: 10.0.0.1,198.51.100.9,203.0.113.1", "198.51.100.9"),
            ("gcp-lb", "X-Forwarded-For: 198.51.100.9", "UNKNOWN"),
            ("heroku", "X-Forwarded-For: 10.0.0.1, 198.51.100.9", "198.51.100.9"),
            ("netlify", "X-Nf-Client-Connection-Ip: 198.51.100.9", "198.51.100.9"),
            ("netlify", "X-Nf-Client-Connection-Ip: bad", "UNKNOWN"),
            ("netlify", "", "203.0.113.7"),
            ("vercel", "X-Vercel-Forwarded-For: 198.51.100.9\nX-Real-IP: 10.0.0.1", "198.51.100.9"),
            ("vercel", "X-Vercel-Forwarded-For: bad\nX-Real-IP: 10.0.0.1", "UNKNOWN"),
            ("vercel", "X-Real-IP: 198.51.100.9\nX-Forwarded-For: 10.0.0.1", "198.51.100.9"),
            ("vercel", "X-Forwarded-For: 198.51.100.9", "UNKNOWN"),
        ] {
            assert_eq!(derive(name, Some("203.0.113.7"), lines), want, "{name} {lines}");
        }
    }
}
