//! Judges the rows of `ip_cases.tsv`.

pub mod hosts;
mod probes;

use edgelatch_core::cidr::Cidr;
use edgelatch_core::client_ip::ClientIpRule;
use edgelatch_core::http::Block;
use edgelatch_core::ip::Ip;
use edgelatch_core::policy::{AllowMode, IpPolicy, IpVerdict, Order, PolicyView};

use super::Row;

/// Whether the core answers as the row expects; `Err` says how it does not.
pub fn judge(row: &Row) -> Result<(), String> {
    let (input, rule) = (row.get("input")?, row.get("rule")?);
    let (verdict, canonical) = match row.get("kind")? {
        "addr" => accepted(Ip::parse(input.as_bytes())),
        "cidr" => accepted(Cidr::parse(input.as_bytes())),
        "match" => (matches(input, rule)?, None),
        "policy" => (policy(input, rule)?, None),
        "clientip" => client_ip(input, rule)?,
        kind => return Err(format!("`{kind}` is not a kind of case")),
    };
    let expected = row.get("expect")?;
    if verdict != expected {
        return Err(format!("expected {expected}, got {verdict}"));
    }
    match (row.get("canonical")?, canonical) {
        ("-", _) => Ok(()),
        (expected, Some(found)) if expected == found => Ok(()),
        (expected, found) => Err(format!("expected `{expected}`, got {found:?}")),
    }
}

fn accepted<T: ToString, E>(parsed: Result<T, E>) -> (&'static str, Option<String>) {
    match parsed {
        Ok(value) => ("ACCEPT", Some(value.to_string())),
        Err(_) => ("REJECT", None),
    }
}

fn cidr(text: &str) -> Result<Cidr, String> {
    Cidr::parse(text.as_bytes()).map_err(|e| format!("`{text}`: {e}"))
}

fn matches(address: &str, rule: &str) -> Result<&'static str, String> {
    let net = cidr(rule)?;
    let inside = Ip::parse(address.as_bytes()).is_ok_and(|ip| net.contains(ip));
    Ok(if inside { "MATCH" } else { "NO_MATCH" })
}

/// Reads a policy from the column `rule`.
pub fn parse_policy(rule: &str) -> Result<IpPolicy, String> {
    let mut policy = IpPolicy::default();
    for item in rule.split(';').filter(|item| !item.is_empty()) {
        let (key, value) = item.split_once('=').ok_or_else(|| format!("`{item}` is not `key=value`"))?;
        let list = || value.split(',').filter(|entry| !entry.is_empty()).map(cidr).collect::<Result<Vec<_>, _>>();
        match (key, value) {
            ("allow_mode", "any") => policy.allow_mode = AllowMode::Any,
            ("allow_mode", "list") => policy.allow_mode = AllowMode::List,
            ("order", "allow_first") => policy.order = Order::AllowFirst,
            ("order", "deny_first") => policy.order = Order::DenyFirst,
            ("allow", _) => policy.allow = list()?,
            ("deny", _) => policy.deny = list()?,
            _ => return Err(format!("`{item}` is not part of a policy")),
        }
    }
    Ok(policy)
}

/// Through the bytes: encode, validate, decide.
fn policy(address: &str, rule: &str) -> Result<&'static str, String> {
    let bytes = parse_policy(rule)?.encode().map_err(|e| e.to_string())?;
    let view = PolicyView::validate(&bytes).map_err(|e| e.to_string())?;
    Ok(match view.decide(Ip::parse(address.as_bytes()).ok()) {
        IpVerdict::Allowed => "ALLOW",
        IpVerdict::Denied | IpVerdict::Unknown => "DENY",
    })
}

/// Through a request block, as a host hands it in.
fn client_ip(input: &str, rule: &str) -> Result<(&'static str, Option<String>), String> {
    let rule = ClientIpRule::parse(rule).map_err(|e| format!("`{rule}`: {e}"))?;
    let unknown = Ok(("UNKNOWN", Some("UNKNOWN".into())));
    let block = request_block(input);
    let Ok(block) = Block::parse(block.as_bytes()) else { return unknown };
    match rule.derive(block.peer(), block.proxy_line(), block.lines()) {
        Some(ip) => Ok(("DERIVED", Some(ip.to_string()))),
        None => unknown,
    }
}

/// `PROXY …`, `source=address` and `Name: value`, separated by `|`. A source whose value is `undefined` has no address;
/// `runtime=…` only informs.
pub fn request_block(input: &str) -> String {
    let (mut peer, mut proxy, mut lines) = ("", None, String::new());
    for segment in input.split('|').filter(|segment| !segment.is_empty()) {
        let header = segment.find(':').unwrap_or(segment.len());
        match segment.split_once('=') {
            _ if segment == "PROXY" || segment.starts_with("PROXY ") => proxy = Some(segment),
            Some((name, _)) if name.len() < header && name == "runtime" => {}
            Some((name, address)) if name.len() < header => peer = if address == "undefined" { "" } else { address },
            _ => lines.extend([segment, "\n"]),
        }
    }
    let proxy = proxy.map(|line| format!("\t{line}")).unwrap_or_default();
    format!("{peer}{proxy}\nGET /\n{lines}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_blocks() {
        for (input, want) in [
            ("peer=1.2.3.4|A: b=c", "1.2.3.4\nGET /\nA: b=c\n"),
            ("runtime=node|remoteAddress=undefined|", "\nGET /\n"),
            ("runtime=fastly|client.address=::1", "::1\nGET /\n"),
            ("PROXY UNKNOWN|peer=10.0.0.1", "10.0.0.1\tPROXY UNKNOWN\nGET /\n"),
            ("peer=::1|Forwarded: for=\"[::1]\";by=_x", "::1\nGET /\nForwarded: for=\"[::1]\";by=_x\n"),
        ] {
            assert_eq!(request_block(input), want, "{input}");
        }
    }

    #[test]
    fn a_wrong_answer_is_told() {
        let rows = super::super::read("id\tkind\tinput\trule\texpect\tcanonical\na\taddr\t1.1.1.1\t-\tREJECT\t-").unwrap();
        assert_eq!(judge(&rows[0]), Err("expected REJECT, got ACCEPT".into()));
    }
}
