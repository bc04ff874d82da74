//! SPEC.md section 9, Credential; RFC 9110 sections 5.6 and 11, RFC 7617, RFC 4648 section 4.

/// Which of the two headers, which query parameter, which place of the host's own.
#[derive(Clone, Debug, Default)]
pub struct Places<'a> {
    /// `Authorization: Bearer`.
    pub bearer: bool,
    /// `X-API-Key`.
    pub api_key: bool,
    /// The name of the query parameter.
    pub query: Option<&'a str>,
    /// A location, by its text.
    pub location: Option<Location>,
}

/// What a location names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A header, in lower case, and the scheme in it.
    Header(String, Option<String>),
    /// The user name of Basic, or else the password.
    Basic(bool),
}

/// Why a request has no credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is none.
    Missing,
    /// It is not well formed.
    Invalid,
}

type Found = Result<Option<Vec<u8>>, Fault>;

/// RFC 9110 section 5.6.2.
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

/// RFC 9110 section 11.2.
pub fn is_token68(text: &[u8]) -> bool {
    let body = text.iter().position(|byte| *byte == b'=').unwrap_or(text.len());
    body > 0
        && text[..body].iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte))
        && text[body..].iter().all(|byte| *byte == b'=')
}

/// Without the blanks around it.
pub fn trimmed(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

impl Location {
    /// Reads the text of a location.
    pub fn read(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        let taken = ["x-api-key", "host", ":authority", "origin", "access-control-request-method"];
        let name = |name: &str| (name.len() <= 64 && is_token(name.as_bytes())).then(|| name.to_ascii_lowercase());
        match words[..] {
            ["basic", "username"] => Some(Location::Basic(true)),
            ["basic", "password"] => Some(Location::Basic(false)),
            ["header", header] => Some(Location::Header(name(header).filter(|name| !taken.contains(&&**name))?, None)),
            ["header", header, scheme] => {
                let header = name(header).filter(|name| !taken.contains(&&**name))?;
                let scheme = name(scheme).filter(|name| name != "bearer" && name != "basic")?;
                Some(Location::Header(header, Some(scheme)))
            }
            _ => None,
        }
    }
}

/// Quoted-string of RFC 9110 section 5.6.4: what follows it.
fn after_quoted(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text.strip_prefix(b"\"")?;
    loop {
        let (first, after) = rest.split_first()?;
        rest = after;
        match first {
            b'"' => return Some(rest),
            b'\\' => {
                let (escaped, after) = rest.split_first()?;
                if !matches!(escaped, b'\t' | b' '..=b'~' | 0x80..) {
                    return None;
                }
                rest = after;
            }
            b'\t' | b' '..=b'~' | 0x80.. => {}
            _ => return None,
        }
    }
}

fn after_blanks(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    text
}

/// `auth-param *(OWS "," OWS auth-param)`, `auth-param := token BWS "=" BWS (token / quoted-string)`.
fn is_params(mut text: &[u8]) -> bool {
    let after_token = |text: &'_ [u8]| text.iter().take_while(|byte| is_token(&[**byte])).count();
    loop {
        let name = after_token(text);
        let Some(value) = after_blanks(&text[name..]).strip_prefix(b"=").map(after_blanks).filter(|_| name > 0) else {
            return false;
        };
        let length = after_token(value);
        let rest = if length > 0 { Some(&value[length..]) } else { after_quoted(value) };
        match rest.map(after_blanks) {
            Some([]) => return true,
            Some([b',', next @ ..]) => text = after_blanks(next),
            _ => return false,
        }
    }
}

/// A credentials header with a scheme: the scheme and what follows it after spaces.
fn schemed(value: &[u8]) -> Result<(Vec<u8>, &[u8]), Fault> {
    let end = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
    let (scheme, mut rest) = value.split_at(end);
    while let [b' ', after @ ..] = rest {
        rest = after;
    }
    if is_token(scheme) { Ok((scheme.to_ascii_lowercase(), rest)) } else { Err(Fault::Invalid) }
}

fn only<'a>(lines: &[(String, &'a [u8])], name: &str) -> Result<Option<&'a [u8]>, Fault> {
    let values: Vec<&[u8]> = lines.iter().filter(|(line, _)| line == name).map(|(_, value)| *value).collect();
    match values[..] {
        [] => Ok(None),
        [one] if !one.is_empty() => Ok(Some(one)),
        _ => Err(Fault::Invalid),
    }
}

fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let body = text.iter().position(|byte| *byte == b'=').unwrap_or(text.len());
    if !text.len().is_multiple_of(4) || text.len() - body > 2 {
        return None;
    }
    let mut bits = Vec::new();
    for byte in &text[..body] {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits.extend((0..6).rev().map(|bit| value >> bit & 1));
    }
    let whole = bits.len() / 8 * 8;
    let spare = bits[whole..].iter().all(|bit| *bit == 0);
    spare.then(|| bits[..whole].chunks(8).map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | bit)).collect())
}

fn basic(text: &[u8], user: bool) -> Result<Vec<u8>, Fault> {
    let pair = base64(text).filter(|_| is_token68(text)).ok_or(Fault::Invalid)?;
    let colon = pair.iter().position(|byte| *byte == b':').ok_or(Fault::Invalid)?;
    let (name, password) = (&pair[..colon], &pair[colon + 1..]);
    let (key, other) = if user { (name, password) } else { (password, name) };
    if !is_token68(key) || other.iter().any(u8::is_ascii_control) {
        return Err(Fault::Invalid);
    }
    Ok(key.to_vec())
}

fn authorization(lines: &[(String, &[u8])], places: &Places<'_>) -> Found {
    let own = |places: &Places<'_>| match &places.location {
        Some(Location::Header(header, scheme)) if header == "authorization" => Some(scheme.clone()),
        _ => None,
    };
    let basics = matches!(places.location, Some(Location::Basic(_)));
    if !places.bearer && !basics && own(places).is_none() {
        return Ok(None);
    }
    let Some(value) = only(lines, "authorization")? else { return Ok(None) };
    let bare = own(places) == Some(None) && !(places.bearer && value.eq_ignore_ascii_case(b"bearer"));
    if bare && is_token68(value) {
        return Ok(Some(value.to_vec()));
    }
    let (scheme, rest) = schemed(value)?;
    let takes = places.bearer && scheme == b"bearer" || own(places).flatten().is_some_and(|own| own.as_bytes() == scheme);
    if takes {
        return if is_token68(rest) { Ok(Some(rest.to_vec())) } else { Err(Fault::Invalid) };
    }
    if let (Some(Location::Basic(user)), b"basic") = (&places.location, &scheme[..]) {
        return basic(rest, *user).map(Some);
    }
    if rest.is_empty() || is_token68(rest) || is_params(rest) { Ok(None) } else { Err(Fault::Invalid) }
}

fn header(lines: &[(String, &[u8])], name: &str, scheme: Option<&str>) -> Found {
    let Some(value) = only(lines, name)? else { return Ok(None) };
    let Some(own) = scheme else {
        return if is_token68(value) { Ok(Some(value.to_vec())) } else { Err(Fault::Invalid) };
    };
    let (scheme, rest) = schemed(value)?;
    match scheme == own.as_bytes() {
        true if is_token68(rest) => Ok(Some(rest.to_vec())),
        false if rest.is_empty() || is_token68(rest) || is_params(rest) => Ok(None),
        _ => Err(Fault::Invalid),
    }
}

fn decoded(name: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::new(), 0);
    while at < name.len() {
        let digits = name.get(at + 1..at + 3).filter(|two| name[at] == b'%' && two.iter().all(u8::is_ascii_hexdigit));
        let byte = digits.and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        out.push(byte.unwrap_or(name[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    out
}

fn query(target: &[u8], wanted: &str) -> Found {
    let target = target.split(|byte| *byte == b'#').next().unwrap_or_default();
    let Some(at) = target.iter().position(|byte| *byte == b'?') else { return Ok(None) };
    let mut found = None;
    for pair in target[at + 1..].split(|byte| *byte == b'&') {
        let equals = pair.iter().position(|byte| *byte == b'=');
        let name = &pair[..equals.unwrap_or(pair.len())];
        if decoded(name) != wanted.as_bytes() {
            continue;
        }
        let value = equals.map_or(&b""[..], |equals| &pair[equals + 1..]);
        if name != wanted.as_bytes() || !is_token68(value) || found.replace(value.to_vec()).is_some() {
            return Err(Fault::Invalid);
        }
    }
    Ok(found)
}

/// The credential of a request, by its header lines (names in lower case, values without blanks around them) and target.
pub fn extract(lines: &[(String, &[u8])], target: &[u8], places: &Places<'_>) -> Result<Vec<u8>, Fault> {
    let mut found = vec![authorization(lines, places)?];
    if places.api_key {
        found.push(header(lines, "x-api-key", None)?);
    }
    if let Some(name) = places.query {
        found.push(query(target, name)?);
    }
    if let Some(Location::Header(name, scheme)) = &places.location
        && name != "authorization"
    {
        found.push(header(lines, name, scheme.as_deref())?);
    }
    let mut all = found.into_iter().flatten();
    match (all.next(), all.next()) {
        (None, _) => Err(Fault::Missing),
        (Some(key), None) => Ok(key),
        _ => Err(Fault::Invalid),
    }
}
