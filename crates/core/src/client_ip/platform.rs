//! Presets: what each platform documents about the client's address. Data only; a new platform is a new row.

use super::chain::Chain;
use super::value::{connected, is_port, single};
use crate::http::Lines;
use crate::ip::{Ip, parse_v6};

/// A platform and where it puts the client's address.
#[derive(Debug, PartialEq, Eq)]
pub struct Platform {
    /// The name in configurations.
    pub name: &'static str,
    /// Tried in order; the first one that is there decides, even if it is bad.
    pub(super) places: &'static [Place],
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
    Cloudflare(&'static str, &'static str),
    /// The n-th address from the right of X-Forwarded-For: the platform appends what it saw. Where there are several lines nobody knows to
    /// which of them: Heroku's first router took the first, so that a client's second one came last.
    Appended(u8),
}

use Place::{Appended, Cloudflare, Connection, Header, HeaderWithPort};

/// What Cloudflare puts in the place of the client's address when a Worker of another zone asks, which any of its customers can have done
/// (`2a06:98c0:3600::103`; such a request carries `CF-Worker`). As an address in a list it would let all of them in.
const OTHER_ZONES_WORKERS: Ip = Ip::V6(0x2a06_98c0_3600_0000_0000_0000_0000_0103);

/// Whether a platform puts this in the place of an address, and many share it: as an entry of a list it would let all of them in. 0.0.0.0/8 is no
/// client's; App Engine has it for what it calls itself, such as 0.1.0.40 for every app that fetches a URL.
fn is_shared(ip: Ip) -> bool {
    ip == OTHER_ZONES_WORKERS || matches!(ip, Ip::V4(bits) if bits >> 24 == 0)
}

/// Every preset, each behind what it is based on. A header here is one that the platform overwrites or appends to; that requests reach
/// the program through the platform only is what choosing the preset states.
pub const PLATFORMS: &[Platform] = &[
    // Origin Server behavior `True Client IP Header`; `Allow clients to set` must be off
    Platform { name: "akamai", places: &[Header("true-client-ip")] },
    // Google App Engine, request headers: set by the front end, removed from what a client sends; its own services come from 0.1.0.0/24
    Platform { name: "app-engine", places: &[Header("x-appengine-user-ip")] },
    // Elastic Load Balancing, X-Forwarded-For: appended to in the mode `append`, the default, with or without the client's port; `preserve`
    // would leave a client's own word
    Platform { name: "aws-alb", places: &[Appended(1)] },
    // Azure Front Door, HTTP headers: the TCP connection's address; X-Azure-ClientIP may be a client's own word
    Platform { name: "azure", places: &[Header("x-azure-socketip")] },
    // Bun.serve, `server.requestIP(request).address`
    Platform { name: "bun", places: &[Connection] },
    // Cloudflare HTTP headers; Pseudo IPv4 with `Overwrite Headers` puts class E stand-ins in CF-Connecting-IP;
    // requests of other zones' Workers all have one address there
    Platform { name: "cloudflare", places: &[Cloudflare("cf-connecting-ip", "cf-connecting-ipv6")] },
    // CloudFront request headers: viewer address and source port, `198.51.100.10:46532`, where the origin request policy names the header;
    // a policy that passes on all of the viewer's may pass on one of this name
    Platform { name: "cloudfront", places: &[HeaderWithPort("cloudfront-viewer-address")] },
    // Deno.serve, `info.remoteAddr.hostname`
    Platform { name: "deno", places: &[Connection] },
    // Fastly Compute, `event.client.address`; Fastly-Client-IP is taken from the client when sent
    Platform { name: "fastly", places: &[Connection] },
    // Fly.io request headers: the address that Fly Proxy accepted the connection from
    Platform { name: "fly", places: &[Header("fly-client-ip")] },
    // Google Cloud external Application Load Balancer: appends `client,load-balancer` to X-Forwarded-For
    Platform { name: "gcp-lb", places: &[Appended(2)] },
    // Heroku HTTP routing: the router appends the connecting address to X-Forwarded-For; before Router 2.0 to its first line, which hosts that join lines hide
    Platform { name: "heroku", places: &[Appended(1)] },
    // AWS Lambda behind API Gateway or a function URL, `requestContext.http.sourceIp`; Lambda@Edge, `request.clientIp`
    Platform { name: "lambda", places: &[Connection] },
    // Netlify Functions header; Edge Functions give the same as `context.ip`
    Platform { name: "netlify", places: &[Header("x-nf-client-connection-ip"), Connection] },
    // Node.js, `request.socket.remoteAddress`
    Platform { name: "node", places: &[Connection] },
    // Vercel request headers: both overwritten at the edge; a proxy in front can change only the second
    Platform { name: "vercel", places: &[Header("x-vercel-forwarded-for"), Header("x-real-ip")] },
];

impl Platform {
    pub(super) fn derive(&self, peer: Option<&[u8]>, lines: Lines<'_>) -> Option<Ip> {
        let ip = self.places.iter().find(|place| place.is_there(peer, lines))?.read(peer, lines)?;
        (!is_shared(ip)).then_some(ip)
    }
}

impl Place {
    /// The headers it reads.
    pub(super) fn header_names(&self) -> impl Iterator<Item = &'static str> + use<> {
        let names = match *self {
            Connection => [None, None],
            Header(name) | HeaderWithPort(name) => [Some(name), None],
            Cloudflare(name, v6) => [Some(name), Some(v6)],
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
            Connection => connected(peer?),
            Header(name) => single(name, lines),
            HeaderWithPort(name) => with_port(lines.only(name).ok()??),
            Cloudflare(name, v6) => match single(name, lines)? {
                Ip::V4(stand_in) if stand_in >> 28 == 0xf => single(v6, lines).filter(|ip| matches!(ip, Ip::V6(_))),
                ip => Some(ip),
            },
            Appended(hops) => {
                lines.only(Chain::XForwardedFor.name()).ok()??;
                Chain::XForwardedFor.nth_from_right(hops, lines)
            }
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
            ("CF-Connecting-IP: 2a06:98c0:3600::103\nCF-Worker: other.example", "UNKNOWN"),
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
            assert_eq!(derive(name, Some("fe80::1%eth0"), lines), "fe80::1", "{name}");
            for unknown in
                [None, Some("undefined"), Some(""), Some("0.0.0.0"), Some("fe80::1%"), Some("%eth0"), Some("2001:db8::1%eth0")]
            {
                assert_eq!(derive(name, unknown, lines), "UNKNOWN", "{name}");
            }
        }
    }

    #[test]
    fn header_platforms() {
        for (name, lines, want) in [
            ("akamai", "True-Client-IP: 198.51.100.9", "198.51.100.9"),
            ("app-engine", "X-Appengine-User-IP: 2001:db8::1", "2001:db8::1"),
            ("app-engine", "X-Appengine-User-IP: 0.1.0.40", "UNKNOWN"),
            ("app-engine", "X-Appengine-User-IP: ::ffff:0.1.0.2", "UNKNOWN"),
            ("app-engine", "X-Appengine-User-IP: 1.0.0.1", "1.0.0.1"),
            ("app-engine", "X-Appengine-User-IP: 198.51.100.9\nX-AppEngine-User-IP: 10.0.0.1", "UNKNOWN"),
            ("app-engine", "X-Forwarded-For: 198.51.100.9", "UNKNOWN"),
            ("aws-alb", "X-Forwarded-For: 10.0.0.1, 198.51.100.9:5000", "198.51.100.9"),
            ("aws-alb", "X-Forwarded-For: 198.51.100.9,", "UNKNOWN"),
            ("aws-alb", "X-Forwarded-For: 10.0.0.1, [2001:db8::1]:5000", "2001:db8::1"),
            ("aws-alb", "X-Forwarded-For: 198.51.100.9\nX-Forwarded-For: 10.0.0.1", "UNKNOWN"),
            ("aws-alb", "Forwarded: for=198.51.100.9", "UNKNOWN"),
            ("azure", "X-Azure-ClientIP: 10.0.0.1\nX-Azure-SocketIP: 198.51.100.9", "198.51.100.9"),
            ("cloudfront", "CloudFront-Viewer-Address: 198.51.100.9:46532", "198.51.100.9"),
            ("cloudfront", "CloudFront-Viewer-Address: 2001:db8::1:46532", "2001:db8::1"),
            ("cloudfront", "CloudFront-Viewer-Address: 2001:db8:0:0:0:0:0:1:46532", "2001:db8::1"),
            ("cloudfront", "CloudFront-Viewer-Address: [2001:db8::1]:46532", "2001:db8::1"),
            ("cloudfront", "CloudFront-Viewer-Address: 198.51.100.9", "UNKNOWN"),
            ("cloudfront", "CloudFront-Viewer-Address: 2001:db8:0:0:0:0:0:1", "UNKNOWN"),
            ("cloudfront", "CloudFront-Viewer-Address: 198.51.100.9:", "UNKNOWN"),
            ("cloudfront", "CloudFront-Viewer-Address: [198.51.100.9]:80", "UNKNOWN"),
            ("azure", "X-Azure-ClientIP: 10.0.0.1\nX-Forwarded-For: 10.0.0.1", "UNKNOWN"),
            ("azure", "X-Azure-SocketIP: 2001:db8::1", "2001:db8::1"),
            ("azure", "X-Azure-SocketIP: 198.51.100.9\nX-Azure-SocketIP: 10.0.0.1", "UNKNOWN"),
            ("akamai", "True-Client-IP: 198.51.100.9\nTrue-Client-IP: 10.0.0.1", "UNKNOWN"),
            ("akamai", "X-Forwarded-For: 198.51.100.9", "UNKNOWN"),
            ("cloudfront", "CloudFront-Viewer-Address: 198.51.100.9:1\nCloudFront-Viewer-Address: 10.0.0.1:1", "UNKNOWN"),
            ("cloudfront", "CloudFront-Viewer-Address: fe80::1%eth0:80", "UNKNOWN"),
            ("fly", "Fly-Client-IP: 198.51.100.9\nX-Forwarded-For: 10.0.0.1", "198.51.100.9"),
            ("fly", "Fly-Client-IP: 2001:db8::1", "2001:db8::1"),
            ("fly", "Fly-Client-IP: 198.51.100.9, 10.0.0.1", "UNKNOWN"),
            ("fly", "X-Forwarded-For: 198.51.100.9", "UNKNOWN"),
            ("gcp-lb", "X-Forwarded-For: 10.0.0.1,198.51.100.9,203.0.113.1", "198.51.100.9"),
            ("gcp-lb", "X-Forwarded-For: 198.51.100.9", "UNKNOWN"),
            ("gcp-lb", "X-Forwarded-For: 198.51.100.9,203.0.113.1\nX-Forwarded-For: 10.0.0.1,10.0.0.2", "UNKNOWN"),
            ("gcp-lb", "X-Forwarded-For: 2001:db8::1,2600:1901::1", "2001:db8::1"),
            ("heroku", "X-Forwarded-For: 10.0.0.1, 198.51.100.9", "198.51.100.9"),
            // What the router appended stands in the first line, and the second one is the client's own.
            ("heroku", "X-Forwarded-For: 10.0.0.2, 198.51.100.9\nX-Forwarded-For: 10.0.0.1", "UNKNOWN"),
            ("netlify", "X-Nf-Client-Connection-Ip: 198.51.100.9\nX-Forwarded-For: 10.0.0.1", "198.51.100.9"),
            ("netlify", "X-Nf-Client-Connection-Ip: 198.51.100.9\nX-Nf-Client-Connection-Ip: 10.0.0.1", "UNKNOWN"),
            ("netlify", "X-Nf-Client-Connection-Ip: 198.51.100.9", "198.51.100.9"),
            ("netlify", "X-Nf-Client-Connection-Ip: bad", "UNKNOWN"),
            ("netlify", "", "203.0.113.7"),
            ("vercel", "X-Vercel-Forwarded-For: 198.51.100.9\nX-Real-IP: 10.0.0.1", "198.51.100.9"),
            ("vercel", "X-Vercel-Forwarded-For: bad\nX-Real-IP: 10.0.0.1", "UNKNOWN"),
            ("vercel", "X-Real-IP: 198.51.100.9\nX-Forwarded-For: 10.0.0.1", "198.51.100.9"),
            ("vercel", "X-Vercel-Forwarded-For: 198.51.100.9, 10.0.0.1", "UNKNOWN"),
            ("vercel", "X-Vercel-Forwarded-For: 2001:db8::1", "2001:db8::1"),
            ("vercel", "X-Forwarded-For: 198.51.100.9", "UNKNOWN"),
        ] {
            assert_eq!(derive(name, Some("203.0.113.7"), lines), want, "{name} {lines}");
        }
    }
}
