//! Client addresses: what a rule derives from a connection, its PROXY line and the header lines.

use serde_json::{Value, json};

/// Rule, connection, PROXY line, header lines, the address or none.
type Row = (&'static str, Option<&'static str>, Option<&'static str>, &'static [&'static str], Option<&'static str>);

const TRUST: &str = "trust=10.0.0.0/8,::1";
const FORWARDED: &str = "hops=1;header=forwarded";
const PROXY: &str = "proxy_protocol=trust:10.0.0.0/8";
const COUNTED: &str = "proxy_protocol=trust:10.0.0.0/8;hops=1";
const LINE: Option<&str> = Some("PROXY TCP4 192.0.2.9 10.0.0.2 5555 443");
const NEAR: Option<&str> = Some("10.0.0.2");
const FAR: Option<&str> = Some("203.0.113.7");
const NINE: Option<&str> = Some("192.0.2.9");

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("trust=none", FAR, LINE, &["X-Forwarded-For: 192.0.2.1"], FAR),
    ("hops=0", Some("::ffff:203.0.113.7"), None, &[], FAR),
    ("trust=none", Some("203.0.113.7:80"), None, &[], None),
    ("trust=none", None, None, &[], None),

    (TRUST, FAR, None, &["X-Forwarded-For: 192.0.2.9"], FAR),
    (TRUST, None, None, &["X-Forwarded-For: 192.0.2.9"], None),
    (TRUST, NEAR, None, &["X-Forwarded-For: 192.0.2.9"], NINE),
    (TRUST, Some("::1"), None, &["x-forwarded-for:bad,192.0.2.9 ,\t10.0.0.3"], NINE),
    (TRUST, NEAR, None, &["X-Forwarded-For: 192.0.2.9", "X-Forwarded-For: 10.0.0.3"], NINE),
    (TRUST, NEAR, None, &["X-Forwarded-For: 192.0.2.9", "X-Forwarded-For:"], None),
    (TRUST, NEAR, None, &["X-Forwarded-For: 10.0.0.4, 10.0.0.3"], None),
    (TRUST, NEAR, None, &["X-Forwarded-For: 192.0.2.9, bad, 10.0.0.3"], None),
    (TRUST, NEAR, None, &["X-Forwarded-For: 192.0.2.9,,10.0.0.3"], None),
    (TRUST, NEAR, None, &[], None),
    (TRUST, NEAR, None, &["X-Forwarded-For: 192.0.2.9:80"], NINE),
    (TRUST, NEAR, None, &["X-Forwarded-For: 192.0.2.9:00080"], NINE),
    (TRUST, NEAR, None, &["X-Forwarded-For: 192.0.2.9:65536"], None),
    (TRUST, NEAR, None, &["X-Forwarded-For: 192.0.2.9:"], None),
    (TRUST, NEAR, None, &["X-Forwarded-For: 192.0.2.9:_a"], None),
    (TRUST, NEAR, None, &["X-Forwarded-For: [2001:db8::9]:_a"], None),
    (TRUST, NEAR, None, &["X-Forwarded-For: [2001:db8::9]:80"], Some("2001:db8::9")),
    (TRUST, NEAR, None, &["X-Forwarded-For: [2001:db8::9]"], Some("2001:db8::9")),
    (TRUST, NEAR, None, &["X-Forwarded-For: 2001:db8::9"], Some("2001:db8::9")),
    (TRUST, NEAR, None, &["X-Forwarded-For: [192.0.2.9]"], None),
    (TRUST, NEAR, None, &["X-Forwarded-For: \"192.0.2.9\""], None),
    (" trust = 10.0.0.0/8 , ::1 ; header = X-Real-IP ", NEAR, None, &["X-Real-IP: 192.0.2.9"], NINE),
    ("trust=10.0.0.0/8;header=X-Real-IP", NEAR, None, &["X-Real-IP: 192.0.2.9:80"], None),
    ("trust=10.0.0.0/8;header=X-Real-IP", NEAR, None, &["X-Real-IP: 10.0.0.3"], None),
    ("trust=10.0.0.0/8;header=X-Real-IP", NEAR, None, &["X-Real-IP: 192.0.2.9", "X-Real-IP: 192.0.2.9"], None),

    ("hops=2", None, None, &["X-Forwarded-For: bad, 192.0.2.9", "X-Forwarded-For: 10.0.0.3"], NINE),
    ("hops=3", None, None, &["X-Forwarded-For: bad, 192.0.2.9", "X-Forwarded-For: 10.0.0.3"], None),
    ("hops=2", None, None, &["X-Forwarded-For: 192.0.2.9, bad"], None),
    ("hops=4", None, None, &["X-Forwarded-For: 192.0.2.9"], None),

    (FORWARDED, None, None, &["Forwarded: for=192.0.2.1, FOR=192.0.2.9;proto=https;By=\"_x\""], NINE),
    (FORWARDED, None, None, &["Forwarded: for=\"192.0.2.9:80\""], NINE),
    (FORWARDED, None, None, &["Forwarded: for=\"192.0.2.9:_a.b-C_\""], NINE),
    (FORWARDED, None, None, &["Forwarded: for=\"192.0.2.9:_\""], None),
    (FORWARDED, None, None, &["Forwarded: for=\"192.0.2.9:\""], None),
    (FORWARDED, None, None, &["Forwarded: for=\"[2001:db8::9]:443\""], Some("2001:db8::9")),
    (FORWARDED, None, None, &["Forwarded: for=\"[2001\\:db8::\\9]\""], Some("2001:db8::9")),
    (FORWARDED, None, None, &["Forwarded: for=\"2001:db8::9\""], None),
    (FORWARDED, None, None, &["Forwarded: for=192.0.2.9:80"], None),
    (FORWARDED, None, None, &["Forwarded: for=\"192.0.2.9:_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""], NINE),
    (FORWARDED, None, None, &["Forwarded: for=\"192.0.2.9:_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""], None),
    (FORWARDED, None, None, &["Forwarded: for=[2001:db8::9]"], None),
    (FORWARDED, None, None, &["Forwarded: for=\"[192.0.2.9]\""], None),
    (FORWARDED, None, None, &["Forwarded: for=_hidden"], None),
    (FORWARDED, None, None, &["Forwarded: for=unknown"], None),
    (FORWARDED, None, None, &["Forwarded: proto=https"], None),
    (FORWARDED, None, None, &["Forwarded: ;for=192.0.2.9;;"], NINE),
    (FORWARDED, None, None, &["Forwarded: for=192.0.2.9;proto"], None),
    (FORWARDED, None, None, &["Forwarded: for=192.0.2.9;host=a:80"], None),
    (FORWARDED, None, None, &["Forwarded: for=192.0.2.9; proto=https"], None),
    (FORWARDED, None, None, &["Forwarded: for=192.0.2.9 ;proto=https"], None),
    (FORWARDED, None, None, &["Forwarded: for =192.0.2.9"], None),
    (FORWARDED, None, None, &["Forwarded: for= 192.0.2.9"], None),
    (FORWARDED, None, None, &["Forwarded: for=192.0.2.9;for=192.0.2.9"], None),
    (FORWARDED, None, None, &["Forwarded: for=192.0.2.9;proto=a;PROTO=b"], None),
    (FORWARDED, None, None, &["Forwarded: for=192.0.2.9;secret=a;Secret=b"], None),
    (FORWARDED, None, None, &["Forwarded: for=192.0.2.9;a=;b=c"], None),
    (FORWARDED, None, None, &["Forwarded: for=192.0.2.9;a=1;b=2;c=3;d=4;e=5;f=6;g=7;h=8;i=9;j=1;k=2;l=3;m=4;n=5;o=6"], NINE),
    (FORWARDED, None, None, &["Forwarded: for=192.0.2.9;a=1;b=2;c=3;d=4;e=5;f=6;g=7;h=8;i=9;j=1;k=2;l=3;m=4;n=5;o=6;p=7"], None),
    (FORWARDED, None, None, &["Forwarded: for=192.0.2.9;host=\"a,for=192.0.2.1\""], NINE),
    (FORWARDED, None, None, &["Forwarded: for=192.0.2.9;host=\"a\\\",for=192.0.2.1\""], NINE),
    (FORWARDED, None, None, &["Forwarded: for=\", for=192.0.2.9"], NINE),
    (FORWARDED, None, None, &["Forwarded: for=\"", "Forwarded: for=192.0.2.9"], NINE),
    (FORWARDED, None, None, &["Forwarded: for=192.0.2.9\""], None),
    (FORWARDED, None, None, &["Forwarded: for=192.0.2.9,"], None),

    (PROXY, NEAR, LINE, &[], NINE),
    (PROXY, NEAR, Some("PROXY TCP6 2001:db8::9 2001:db8::1 0 65535\r\n"), &[], Some("2001:db8::9")),
    (PROXY, FAR, LINE, &[], FAR),
    (PROXY, None, LINE, &[], None),
    (PROXY, NEAR, None, &[], None),
    (PROXY, NEAR, Some("PROXY UNKNOWN"), &[], None),
    (PROXY, NEAR, Some("PROXY TCP4 192.0.2.9 10.0.0.2 05555 443"), &[], None),
    (PROXY, NEAR, Some("PROXY TCP4 192.0.2.9 10.0.0.2 5555 65536"), &[], None),
    (PROXY, NEAR, Some("PROXY TCP4 192.0.2.9 bad 5555 443"), &[], None),
    (PROXY, NEAR, Some("PROXY TCP4  192.0.2.9 10.0.0.2 5555 443"), &[], None),
    (PROXY, NEAR, Some("PROXY TCP4 2001:db8::9 2001:db8::1 5555 443"), &[], None),
    (PROXY, NEAR, Some("PROXY TCP6 192.0.2.9 10.0.0.2 5555 443"), &[], None),
    ("proxy_protocol=trust:10.0.0.0/8;trust=192.0.2.0/24", NEAR, LINE, &["X-Forwarded-For: 198.51.100.1"], Some("198.51.100.1")),

    (COUNTED, NEAR, LINE, &["X-Forwarded-For: 198.51.100.1"], Some("198.51.100.1")),
    (COUNTED, NEAR, None, &["X-Forwarded-For: 198.51.100.1"], None),
    (COUNTED, NEAR, Some("PROXY UNKNOWN"), &["X-Forwarded-For: 198.51.100.1"], None),
    (COUNTED, None, LINE, &["X-Forwarded-For: 198.51.100.1"], None),
    (COUNTED, FAR, None, &["X-Forwarded-For: 198.51.100.1"], Some("198.51.100.1")),
];

pub fn table() -> Value {
    let row = |&(rule, peer, proxy_line, lines, client): &Row| json!({ "rule": rule, "peer": peer, "proxy_line": proxy_line, "lines": lines, "client": client });
    json!({ "clients": ROWS.iter().map(row).collect::<Vec<_>>() })
}
