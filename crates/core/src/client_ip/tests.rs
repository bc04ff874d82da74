use super::*;
use alloc::format;
use alloc::string::ToString;

fn derive(rule: &str, peer: Option<&str>, proxy: Option<&str>, lines: &str) -> String {
    let rule = ClientIpRule::parse(rule).unwrap_or_else(|e| panic!("{rule}: {e}"));
    let ip = rule.derive(peer.map(str::as_bytes), proxy.map(str::as_bytes), Lines::new(lines.as_bytes()));
    ip.map_or("UNKNOWN".into(), |ip| ip.to_string())
}

#[test]
fn connection_only() {
    let lines = "X-Forwarded-For: 10.0.0.1\nForwarded: for=10.0.0.1\nX-Real-IP: 10.0.0.1\nCF-Connecting-IP: 10.0.0.1";
    for rule in ["trust=none", "hops=0"] {
        assert_eq!(derive(rule, Some("203.0.113.7"), None, lines), "203.0.113.7");
        for peer in [None, Some(""), Some("undefined"), Some("203.0.113.7:80"), Some(" 203.0.113.7"), Some("/run/app.sock")] {
            assert_eq!(derive(rule, peer, None, lines), "UNKNOWN", "{peer:?}");
        }
    }
    assert_eq!(ClientIpRule::default(), ClientIpRule::parse("trust=none").unwrap());
}

#[test]
fn trusted_networks() {
    let rule = "trust=10.0.0.0/8,::1,2001:db8:ffff::/48";
    for (peer, lines, want) in [
        (Some("10.0.0.2"), "X-Forwarded-For: 198.51.100.9", "198.51.100.9"),
        (Some("::ffff:10.0.0.2"), "X-Forwarded-For: 198.51.100.9", "198.51.100.9"),
        (Some("::1"), "X-Forwarded-For: 2001:db8::9, 2001:db8:ffff::1", "2001:db8::9"),
        (Some("10.0.0.2"), "X-Forwarded-For: 1.1.1.1, 198.51.100.9, ::ffff:10.0.0.3", "198.51.100.9"),
        (Some("10.0.0.2"), "X-Forwarded-For: 198.51.100.9\nX-Forwarded-For: 10.0.0.3", "198.51.100.9"),
        (Some("10.0.0.2"), "X-Forwarded-For: 198.51.100.9\nX-Forwarded-For: 198.51.100.10", "198.51.100.10"),
        (Some("10.0.0.2"), "x-forwarded-for: garbage, 198.51.100.9", "198.51.100.9"),
        (Some("10.0.0.2"), "X-Forwarded-For: 198.51.100.9, garbage, 10.0.0.3", "UNKNOWN"),
        (Some("10.0.0.2"), "X-Forwarded-For: 198.51.100.9,", "UNKNOWN"),
        (Some("10.0.0.2"), "X-Forwarded-For: 198.51.100.9, , 10.0.0.3", "UNKNOWN"),
        (Some("10.0.0.2"), "X-Forwarded-For: 198.51.100.9\nX-Forwarded-For:", "UNKNOWN"),
        (Some("10.0.0.2"), "X-Forwarded-For:", "UNKNOWN"),
        (Some("10.0.0.2"), "X-Forwarded-For: 10.0.0.4, 10.0.0.3", "UNKNOWN"),
        (Some("10.0.0.2"), "X-Forwarded-For: unknown", "UNKNOWN"),
        (Some("10.0.0.2"), "", "UNKNOWN"),
        (Some("10.0.0.2"), "Forwarded: for=198.51.100.9\nX-Real-IP: 198.51.100.9", "UNKNOWN"),
        (Some("11.0.0.2"), "X-Forwarded-For: 198.51.100.9", "11.0.0.2"),
        (Some("11.0.0.2"), "X-Forwarded-For: garbage", "11.0.0.2"),
        (None, "X-Forwarded-For: 198.51.100.9", "UNKNOWN"),
        (Some("undefined"), "X-Forwarded-For: 198.51.100.9", "UNKNOWN"),
    ] {
        assert_eq!(derive(rule, peer, None, lines), want, "{peer:?} {lines}");
    }
}

#[test]
fn other_headers() {
    for (rule, lines, want) in [
        ("trust=10.0.0.0/8;header=forwarded", "Forwarded: for=\"[2001:db8::1]:80\";proto=https", "2001:db8::1"),
        (
            "trust=10.0.0.0/8;header=Forwarded",
            "X-Forwarded-For: 1.1.1.1\nForwarded: for=198.51.100.9, for=10.0.0.3",
            "198.51.100.9",
        ),
        ("trust=10.0.0.0/8;header=forwarded", "Forwarded: for=198.51.100.9, for=unknown", "UNKNOWN"),
        ("trust=10.0.0.0/8;header=forwarded", "X-Forwarded-For: 198.51.100.9", "UNKNOWN"),
        ("trust=10.0.0.0/8;header=X-Real-IP", "x-real-ip: 198.51.100.9\nX-Forwarded-For: 1.1.1.1", "198.51.100.9"),
        ("trust=10.0.0.0/8;header=X-Real-IP", "X-Real-IP: 198.51.100.9\nX-Real-IP: 198.51.100.9", "UNKNOWN"),
        ("trust=10.0.0.0/8;header=X-Real-IP", "X-Real-IP: 198.51.100.9, 10.0.0.3", "UNKNOWN"),
        ("trust=10.0.0.0/8;header=X-Real-IP", "X-Real-IP: 198.51.100.9:80", "UNKNOWN"),
        ("trust=10.0.0.0/8;header=X-Real-IP", "X-Real-IP:", "UNKNOWN"),
        ("trust=10.0.0.0/8;header=X-Real-IP", "X-Real-IP: 10.0.0.3", "UNKNOWN"),
        ("trust=10.0.0.0/8;header=x-forwarded-for", "X-Forwarded-For: 198.51.100.9", "198.51.100.9"),
        ("hops=1;header=x-real-ip", "X-Real-IP: 198.51.100.9", "198.51.100.9"),
        ("hops=2;header=forwarded", "Forwarded: for=1.1.1.1, for=198.51.100.9\nForwarded: for=10.0.0.3", "198.51.100.9"),
    ] {
        assert_eq!(derive(rule, Some("10.0.0.2"), None, lines), want, "{rule} {lines}");
    }
    let untrusted = derive("trust=10.0.0.0/8;header=x-real-ip", Some("11.0.0.1"), None, "X-Real-IP: 198.51.100.9");
    assert_eq!(untrusted, "11.0.0.1");
}

#[test]
fn hop_counts() {
    let lines = "X-Forwarded-For: 1.1.1.1, 198.51.100.9\nX-Forwarded-For: 10.0.0.3";
    for (rule, lines, want) in [
        ("hops=1", lines, "10.0.0.3"),
        ("hops=2", lines, "198.51.100.9"),
        ("hops=3", lines, "1.1.1.1"),
        ("hops=4", lines, "UNKNOWN"),
        ("hops=1", "", "UNKNOWN"),
        ("hops=2", "X-Forwarded-For: 198.51.100.9, bad", "UNKNOWN"),
        ("hops=2", "X-Forwarded-For: bad, 198.51.100.9", "UNKNOWN"),
        ("hops=1", "X-Forwarded-For: bad, 198.51.100.9", "198.51.100.9"),
        ("hops=2", "X-Forwarded-For: 198.51.100.9,,10.0.0.3", "UNKNOWN"),
    ] {
        assert_eq!(derive(rule, Some("10.0.0.2"), None, lines), want, "{rule} {lines}");
        assert_eq!(derive(rule, None, None, lines), want, "a count looks at no peer: it may be a Unix socket");
    }
}

#[test]
fn proxy_protocol() {
    let rule = "proxy_protocol=trust:10.0.0.0/8";
    for (line, want) in [
        (Some("PROXY TCP4 198.51.100.9 10.0.0.2 5555 443"), "198.51.100.9"),
        (Some("PROXY TCP4 198.51.100.9 10.0.0.2 5555 443\r\n"), "198.51.100.9"),
        (Some("PROXY TCP6 2001:db8::9 2001:db8::1 5555 443"), "2001:db8::9"),
        (Some("PROXY TCP6 ::ffff:198.51.100.9 ::1 0 65535"), "198.51.100.9"),
        (Some("PROXY UNKNOWN"), "UNKNOWN"),
        (Some("PROXY UNKNOWN 198.51.100.9 10.0.0.2 5555 443"), "UNKNOWN"),
        (Some("PROXY TCP4 2001:db8::9 2001:db8::1 5555 443"), "UNKNOWN"),
        (Some("PROXY TCP6 198.51.100.9 10.0.0.2 5555 443"), "UNKNOWN"),
        (Some("PROXY TCP4 198.51.100.9 bad 5555 443"), "UNKNOWN"),
        (Some("PROXY TCP4 198.51.100.9 10.0.0.2 5555"), "UNKNOWN"),
        (Some("PROXY TCP4 198.51.100.9 10.0.0.2 5555 443 1"), "UNKNOWN"),
        (Some("PROXY TCP4 198.51.100.9 10.0.0.2 05555 443"), "UNKNOWN"),
        (Some("PROXY TCP4 198.51.100.9 10.0.0.2 65536 443"), "UNKNOWN"),
        (Some("PROXY TCP4  198.51.100.9 10.0.0.2 5555 443"), "UNKNOWN"),
        (Some("PROXY TCP4 198.51.100.9 10.0.0.2 5555 443 "), "UNKNOWN"),
        (Some("proxy tcp4 198.51.100.9 10.0.0.2 5555 443"), "UNKNOWN"),
        (Some("PROXY UDP4 198.51.100.9 10.0.0.2 5555 443"), "UNKNOWN"),
        (Some("PROXY TCP4 198.51.100.09 10.0.0.2 5555 443"), "UNKNOWN"),
        (Some(""), "UNKNOWN"),
        (None, "UNKNOWN"),
    ] {
        assert_eq!(derive(rule, Some("10.0.0.2"), line, ""), want, "{line:?}");
        assert_eq!(derive(rule, Some("203.0.113.7"), line, ""), "203.0.113.7", "{line:?}");
        assert_eq!(derive(rule, Some("undefined"), line, ""), "UNKNOWN", "{line:?}");
        assert_eq!(derive("trust=none", Some("10.0.0.2"), line, ""), "10.0.0.2", "not configured");
    }
    let both = "proxy_protocol=trust:10.0.0.0/8;trust=172.16.0.0/12";
    let line = Some("PROXY TCP4 172.16.0.1 10.0.0.2 5555 443");
    assert_eq!(derive(both, Some("10.0.0.2"), line, "X-Forwarded-For: 198.51.100.9"), "198.51.100.9");
    assert_eq!(derive(both, Some("10.0.0.2"), Some("PROXY UNKNOWN"), "X-Forwarded-For: 198.51.100.9"), "UNKNOWN");
    let counted = "proxy_protocol=trust:10.0.0.0/8;hops=1";
    assert_eq!(derive(counted, Some("10.0.0.2"), None, "X-Forwarded-For: 198.51.100.9"), "UNKNOWN");
}

#[test]
fn rules_that_are_refused() {
    for (rule, part) in [
        ("", "`` is not `key=value`"),
        ("trust", "`trust` is not `key=value`"),
        ("trust=none;", "`` is not `key=value`"),
        ("Trust=none", "`Trust` is not a key"),
        ("trusted=none", "they are `trust`, `hops`, `header`, `platform`, `proxy_protocol`"),
        ("trust=none;trust=none", "`trust` stands there twice"),
        ("trust=", "trust, entry ``: the address is empty"),
        ("trust=10.0.0.1/8", "`10.0.0.1/8` has host bits set; the network is 10.0.0.0/8"),
        ("trust=10.0.0.0/8,", "trust, entry ``"),
        ("trust=none,10.0.0.0/8", "trust, entry `none`"),
        ("trust=10.0.0.0/8;hops=1", "`trust` and `hops` exclude each other"),
        ("trust=none;hops=0", "`trust` and `hops` exclude each other"),
        ("platform=node;trust=none", "`platform` and `trust` exclude each other"),
        ("platform=node;hops=1", "`platform` and `hops` exclude each other"),
        ("platform=cloudflare;header=x-real-ip", "`platform` and `header` exclude each other"),
        ("proxy_protocol=trust:::1;platform=node", "`platform` and `proxy_protocol` exclude each other"),
        ("platform=Cloudflare", "platform `Cloudflare` is not known; known are akamai"),
        ("platform=", "platform `` is not known"),
        ("header=forwarded", "`header` needs `trust=…` or `hops=…`"),
        ("trust=none;header=forwarded", "`header` has no effect"),
        ("hops=0;header=forwarded", "`header` has no effect"),
        ("hops=2;header=x-real-ip", "one address cannot be counted"),
        ("hops=1;header=a b", "header `a b` is not a field name"),
        ("hops=1;header=", "header `` is not a field name"),
        ("hops=", "hops ``"),
        ("hops=01", "hops `01`"),
        ("hops=+1", "hops `+1`"),
        ("hops=-1", "hops `-1`"),
        ("hops=1.0", "hops `1.0`"),
        ("hops=33", "from 0 to 32"),
        ("hops=256", "hops `256`"),
        ("proxy_protocol=10.0.0.0/8", "write `trust:`"),
        ("proxy_protocol=trust:", "proxy_protocol, entry ``"),
    ] {
        let error = ClientIpRule::parse(rule).unwrap_err().to_string();
        assert!(error.contains(part), "{rule}: {error}");
    }
    let many = format!("trust={}", ["::1"; crate::limits::MAX_TRUSTED + 1].join(","));
    assert!(ClientIpRule::parse(&many).unwrap_err().to_string().contains("more than"));
}

#[test]
fn hosts_learn_which_headers_count() {
    let names = |rule: &str| ClientIpRule::parse(rule).unwrap().header_names().map(String::from).collect::<Vec<_>>();
    assert!(names("trust=none").is_empty());
    assert!(names("platform=node").is_empty());
    assert_eq!(names(" trust = 10.0.0.0/8 , ::1 "), ["x-forwarded-for"]);
    assert_eq!(names("hops=1;header=FORWARDED"), ["forwarded"]);
    assert_eq!(names("hops=1;header=X-Real-IP"), ["x-real-ip"]);
    assert_eq!(names("platform=cloudflare"), ["cf-connecting-ip", "cf-connecting-ipv6"]);
    assert_eq!(names("platform=vercel"), ["x-vercel-forwarded-for", "x-real-ip"]);
    assert_eq!(names("platform=aws-alb"), ["x-forwarded-for"]);
}
