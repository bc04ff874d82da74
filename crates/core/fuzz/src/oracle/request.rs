//! SPEC.md section 9: request blocks, targets, Host, preflights.

use super::credentials::{is_token, trimmed};

/// A request as a host handed it over.
#[derive(Debug)]
pub struct Request<'a> {
    /// The connection's address.
    pub peer: Option<&'a [u8]>,
    /// The PROXY protocol line.
    pub proxy: Option<&'a [u8]>,
    /// The method.
    pub method: &'a [u8],
    /// The target.
    pub target: &'a [u8],
    /// Names in lower case, values without the blanks around them.
    pub lines: Vec<(String, &'a [u8])>,
}

fn cut(text: &[u8], byte: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|b| *b == byte) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

impl<'a> Request<'a> {
    /// Reads a block.
    pub fn read(block: &'a [u8]) -> Option<Self> {
        if block.len() > 16 * 1024 || block.contains(&b'\r') || block.contains(&0) {
            return None;
        }
        let whole = block.strip_suffix(b"\n").unwrap_or(block);
        let mut lines = whole.split(|byte| *byte == b'\n');
        let (peer, proxy) = cut(lines.next()?, b'\t');
        let (method, target) = cut(lines.next()?, b' ');
        let target = target.filter(|target| !target.is_empty() && target.iter().all(|b| *b > b' ' && *b != 0x7f))?;
        let mut all = Vec::new();
        for line in lines {
            let (name, value) = match line.strip_prefix(b":authority:") {
                Some(value) => (&b":authority"[..], value),
                None => (cut(line, b':').0, cut(line, b':').1?),
            };
            if name != b":authority" && !is_token(name) {
                return None;
            }
            all.push((String::from_utf8_lossy(name).to_ascii_lowercase(), trimmed(value)));
        }
        let sound = is_token(method) && all.len() <= 128;
        sound.then_some(Request { peer: (!peer.is_empty()).then_some(peer), proxy, method, target, lines: all })
    }

    /// All values of a header.
    pub fn values(&self, name: &str) -> Vec<&'a [u8]> {
        self.lines.iter().filter(|(line, _)| line == name).map(|(_, value)| *value).collect()
    }

    /// The authority of a target in absolute form, and the path behind it.
    fn absolute(&self) -> Option<(&'a [u8], &'a [u8])> {
        let (scheme, rest) = cut(self.target, b':');
        let rest = rest?.strip_prefix(b"//")?;
        let sound = scheme.first().is_some_and(u8::is_ascii_alphabetic)
            && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte));
        let end = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
        let path = if end == rest.len() { b"/" } else { cut(&rest[end..], b'?').0 };
        sound.then_some((&rest[..end], path))
    }

    /// The path; that of a target of no form begins with no `/`.
    pub fn path(&self) -> &'a [u8] {
        let origin = cut(self.target, b'?').0;
        if self.target.starts_with(b"/") { origin } else { self.absolute().map_or(origin, |(_, path)| path) }
    }

    /// Whether its host is named well, or not at all.
    pub fn host_ok(&self) -> bool {
        let (host, authority) = (self.values("host"), self.values(":authority"));
        let named = match (&host[..], &authority[..]) {
            ([], []) => true,
            ([one], []) | ([], [one]) => is_host(one),
            ([one], [other]) => one == other && is_host(one),
            _ => false,
        };
        let in_target = if self.target.starts_with(b"/") { None } else { self.absolute() };
        named && in_target.is_none_or(|(authority, _)| is_host(authority))
    }

    /// Whether it is a preflight of the Fetch standard.
    pub fn is_preflight(&self) -> bool {
        let one = |name: &str| Some(self.values(name)).filter(|values| values.len() == 1).map(|values| values[0]);
        self.method == b"OPTIONS"
            && one("origin").is_some_and(|origin| !origin.is_empty())
            && one("access-control-request-method").is_some_and(is_token)
    }
}

fn is_port(digits: &str) -> bool {
    digits.is_empty()
        || digits.len() <= 5 && digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<u32>().is_ok_and(|n| n <= 65535)
}

fn is_host(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    if let Some(rest) = text.strip_prefix('[') {
        let Some((address, rest)) = rest.split_once(']') else { return false };
        let port = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
        return port && address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let (name, port) = text.split_once(':').unwrap_or((text, ""));
    let labels: Vec<&str> = name.strip_suffix('.').unwrap_or(name).split('.').collect();
    let is_label = |label: &&str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let last = labels.last().copied().unwrap_or_default();
    let hexadecimal = last.strip_prefix("0x").or(last.strip_prefix("0X"));
    let number = last.bytes().all(|b| b.is_ascii_digit())
        || hexadecimal.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    is_port(port) && name.len() <= 254 && labels.iter().all(is_label) && (!number || name.parse::<std::net::Ipv4Addr>().is_ok())
}
