//! An entry as the bytes of SPEC section 5.2: by them the database tells entries apart, and they are what is counted.

use edgelatch_core::build::{Entry, RoleRecord, Table};
use edgelatch_core::policy::{IpPolicy, PolicyView};

use crate::error::Error;
use crate::model::{IpRules, Scope};

/// The entry for a set of roles, by their numbers; none for the empty set.
pub(crate) fn role_set(roles: Vec<u32>) -> Option<Entry> {
    (!roles.is_empty()).then_some(Entry::RoleSet(roles))
}

/// The entry for a scope; none for all services.
pub(crate) fn scope(scope: &Scope) -> Option<Entry> {
    let Scope::List(services) = scope else { return None };
    Some(Entry::Scope(services.iter().map(ToString::to_string).collect()))
}

/// The entry for the policy that IP rules make; none if it restricts nobody.
pub(crate) fn policy(rules: &IpRules) -> Option<Entry> {
    rules.policy().map(Entry::Policy)
}

/// The bytes of an entry.
pub(super) fn encode(entry: &Entry) -> Result<Vec<u8>, Error> {
    entry.encode().map_err(|error| Error::Snapshot { detail: error.to_string() })
}

/// The entry whose bytes these are.
pub(super) fn decode(table: Table, bytes: &[u8]) -> Result<Entry, Error> {
    let mut rest = bytes;
    let entry = match table {
        Table::Roles => {
            let name = take_text8(&mut rest);
            let patterns = rest.split_off(..2).and_then(|count| Some(u16::from_le_bytes(count.try_into().ok()?)));
            let patterns = patterns.and_then(|count| (0..count).map(|_| take_text8(&mut rest)).collect());
            name.zip(patterns).map(|(name, patterns)| Entry::Role(RoleRecord { name, patterns }))
        }
        Table::RoleSets => {
            let (roles, odd) = rest.as_chunks::<4>();
            rest = odd;
            Some(Entry::RoleSet(roles.iter().map(|role| u32::from_le_bytes(*role)).collect()))
        }
        Table::Scopes => {
            let count = rest.split_off_first().copied();
            count.and_then(|count| (0..count).map(|_| take_text8(&mut rest)).collect()).map(Entry::Scope)
        }
        Table::Policies => {
            let view = PolicyView::validate(std::mem::take(&mut rest)).map_err(|_| damaged())?;
            let (allow, deny) = (view.allow().collect(), view.deny().collect());
            Some(Entry::Policy(IpPolicy { allow_mode: view.allow_mode(), order: view.order(), allow, deny }))
        }
    };
    entry.filter(|_| rest.is_empty()).ok_or_else(damaged)
}

fn take_text8(rest: &mut &[u8]) -> Option<String> {
    let length = *rest.split_off_first()?;
    String::from_utf8(rest.split_off(..usize::from(length))?.to_vec()).ok()
}

fn damaged() -> Error {
    Error::Store { detail: "an entry of the directory is not of the form in which it was written".into() }
}

#[cfg(test)]
mod tests {
    use edgelatch_core::cidr::Cidr;
    use edgelatch_core::policy::{AllowMode, Order};

    use super::*;

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let cidrs = |texts: &[&str]| texts.iter().map(|text| Cidr::parse(text.as_bytes()).unwrap()).collect();
        let (allow, deny) = (cidrs(&["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]), cidrs(&["2001:db8::1"]));
        let entries = [
            Entry::Role(RoleRecord { name: "reader".into(), patterns: texts(&["*.view", "a"]) }),
            Entry::RoleSet(vec![1, 7, 1 << 29]),
            Entry::Scope(texts(&["cdn", "dns.record"])),
            Entry::Scope(Vec::new()),
            Entry::Policy(IpPolicy { allow_mode: AllowMode::List, order: Order::DenyFirst, allow, deny }),
        ];
        for entry in entries {
            let bytes = encode(&entry).unwrap();
            assert_eq!(decode(entry.table(), &bytes).unwrap(), entry);
            let longer = [&bytes[..], &[0]].concat();
            for damaged in [&bytes[..bytes.len() - 1], &longer] {
                assert!(decode(entry.table(), damaged).is_err(), "{entry:?}");
            }
        }
    }
}
