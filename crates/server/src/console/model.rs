//! What the API answers, as far as pages show it.

use edgelatch_registry::{Preset, Settings};
use serde::Deserialize;
use serde_json::Value;

/// Who is signed in.
#[derive(Debug, Deserialize)]
pub(super) struct WhoAmI {
    pub(super) key_id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) roles: Vec<String>,
    /// Whether they may act in every realm.
    pub(super) everywhere: bool,
    /// Where they call from.
    pub(super) address: Option<String>,
    /// Where they may act, unless that is everywhere.
    pub(super) reach: Vec<Reached>,
}

/// A realm, or an org of it.
#[derive(Debug, Deserialize)]
pub(super) struct Reached {
    pub(super) realm: String,
    pub(super) org: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Realms {
    pub(super) realms: Vec<Realm>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Realm {
    pub(super) realm: String,
    pub(super) name: String,
    pub(super) preset: Preset,
}

#[derive(Debug, Deserialize)]
pub(super) struct Orgs {
    pub(super) orgs: Vec<Org>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Org {
    pub(super) org: String,
    pub(super) name: String,
    pub(super) settings: Settings,
    pub(super) created_at: String,
    pub(super) revision: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Owners {
    pub(super) owners: Vec<Owner>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Owner {
    pub(super) org: String,
    pub(super) owner: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) roles: Vec<String>,
    pub(super) disabled: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Roles {
    pub(super) roles: Vec<Role>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Role {
    pub(super) role: String,
    pub(super) org: Option<String>,
    pub(super) name: String,
    pub(super) permissions: Vec<String>,
    pub(super) predefined: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct People {
    pub(super) people: Vec<Person>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Person {
    pub(super) person: String,
    pub(super) name: String,
    pub(super) email: Option<String>,
    pub(super) realm: Option<String>,
    pub(super) org: Option<String>,
    pub(super) roles: Vec<String>,
    pub(super) state: String,
    pub(super) invited_by: Option<String>,
    pub(super) link_until: Option<String>,
    pub(super) signed_in_at: Option<String>,
    /// 0 for whom the server's rules let in.
    pub(super) revision: u64,
}

/// An invitation that was made, with its link.
#[derive(Deserialize)]
pub(super) struct Invitation {
    pub(super) person: Person,
    /// Where the link leads, on this server.
    pub(super) path: zeroize::Zeroizing<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct KeyPage {
    pub(super) keys: Vec<Key>,
    pub(super) next: Option<String>,
    pub(super) previous: Option<String>,
    pub(super) total: u64,
    pub(super) exact: bool,
}

/// An entry of an IP list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct IpEntry {
    pub(super) cidr: String,
    pub(super) enabled: bool,
    #[serde(default)]
    pub(super) note: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Key {
    pub(super) key_id: String,
    pub(super) org: String,
    pub(super) owner: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) state: String,
    pub(super) first_12: Option<String>,
    pub(super) masked: Option<String>,
    pub(super) roles: Vec<String>,
    /// `all`, or a list of services.
    pub(super) scope: Value,
    pub(super) allow: Vec<IpEntry>,
    pub(super) deny: Vec<IpEntry>,
    pub(super) expires_at: Option<String>,
    pub(super) days_left: Option<u64>,
    pub(super) overlap_until: Option<String>,
    pub(super) due_at: Option<String>,
    pub(super) environment: Option<String>,
    pub(super) last_used_at: Option<String>,
    pub(super) last_used_ip: Option<String>,
    pub(super) uses: u64,
    pub(super) refusals: u64,
    pub(super) created_at: String,
    pub(super) created_by: String,
    pub(super) updated_at: String,
    pub(super) updated_by: String,
    pub(super) revision: u64,
}

impl Key {
    /// The services of its scope; none for all.
    pub(super) fn services(&self) -> Option<Vec<String>> {
        let list = self.scope.as_array()?;
        Some(list.iter().filter_map(|service| service.as_str().map(Into::into)).collect())
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Remark {
    pub(super) message: String,
}

/// A key that was made, or got a new secret.
#[derive(Deserialize)]
pub(super) struct Made {
    pub(super) key: Key,
    /// None where the request came before.
    pub(super) secret: Option<zeroize::Zeroizing<String>>,
    pub(super) warnings: Vec<Remark>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RequestPage {
    pub(super) requests: Vec<Request>,
    pub(super) next: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Request {
    pub(super) at: String,
    pub(super) method: String,
    pub(super) endpoint: String,
    pub(super) ip: Option<String>,
    pub(super) country: Option<String>,
    pub(super) status: u64,
    pub(super) code: String,
}

impl Request {
    /// The country's flag: two letters of the alphabet that stand for regions.
    pub(super) fn flag(&self) -> String {
        let letters = self.country.as_deref().filter(|code| code.len() == 2).unwrap_or_default();
        let region = |letter: u8| char::from_u32(0x1F1E6 + u32::from(letter.to_ascii_uppercase().checked_sub(b'A')?));
        letters.bytes().filter(u8::is_ascii_alphabetic).filter_map(region).collect()
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct ActivityPage {
    pub(super) activity: Vec<Activity>,
    pub(super) next: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Activity {
    pub(super) seq: u64,
    pub(super) at: String,
    pub(super) actor: String,
    pub(super) address: Option<String>,
    pub(super) action: String,
    pub(super) target: String,
    pub(super) org: Option<String>,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct EventPage {
    pub(super) events: Vec<Event>,
    pub(super) next: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Event {
    pub(super) event: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) org: Option<String>,
    pub(super) key_id: Option<String>,
    pub(super) at: String,
    pub(super) state: String,
    pub(super) last_error: Option<String>,
}

/// How the fleet stands.
#[derive(Debug, Deserialize)]
pub(super) struct Standing {
    pub(super) change: u64,
    pub(super) everywhere: bool,
    pub(super) published: bool,
    pub(super) epoch: Option<u64>,
    pub(super) live: u64,
    pub(super) lacking: u64,
    pub(super) gone: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct EdgePage {
    pub(super) edges: Vec<Edge>,
    pub(super) next: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Edge {
    pub(super) edge: String,
    pub(super) name: Option<String>,
    pub(super) live: bool,
    pub(super) epoch: u64,
    pub(super) behind: u64,
    pub(super) age: Option<u64>,
    pub(super) mode: String,
    pub(super) sdk: String,
    pub(super) seen_at: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Publishing {
    pub(super) targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Target {
    pub(super) target: String,
    pub(super) epoch: Option<u64>,
    pub(super) behind: Option<u64>,
    pub(super) failing_since: Option<String>,
    pub(super) message: Option<String>,
}

/// Whether a key passes, step by step.
#[derive(Debug, Deserialize)]
pub(super) struct Explanation {
    pub(super) code: String,
    pub(super) status: u16,
    pub(super) steps: Vec<Reason>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Reason {
    pub(super) name: String,
    pub(super) passed: bool,
    pub(super) note: String,
}

/// A key that was found by its secret.
#[derive(Debug, Deserialize)]
pub(super) struct FoundKey {
    pub(super) key: Key,
    pub(super) secret_kind: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Series {
    pub(super) buckets: Vec<Bucket>,
}

/// The requests of an hour or of a day.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Bucket {
    pub(super) at: String,
    pub(super) accepted: u64,
    pub(super) refused: u64,
}

/// How often each verdict was given.
#[derive(Debug, Deserialize)]
pub(super) struct Verdicts {
    pub(super) verdicts: Vec<Total>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Total {
    pub(super) code: String,
    pub(super) number: u64,
}

/// What an import did, or would do.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ImportReport {
    pub(super) keys: u64,
    pub(super) refused: u64,
    pub(super) refusals: Vec<RefusedLine>,
    pub(super) done: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RefusedLine {
    pub(super) line: u64,
    pub(super) field: Option<String>,
    pub(super) reason: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct ServicePage {
    pub(super) services: Vec<KnownService>,
    pub(super) next: Option<String>,
    pub(super) unscoped: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct KnownService {
    pub(super) org: String,
    pub(super) service: String,
    pub(super) listed: bool,
    pub(super) keys: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Imports {
    pub(super) imports: Vec<ImportJob>,
}

/// An import that goes on while nobody waits for it.
#[derive(Debug, Deserialize)]
pub(super) struct ImportJob {
    pub(super) import: String,
    pub(super) dry_run: bool,
    pub(super) state: String,
    pub(super) begun_at: String,
    pub(super) actor: String,
    pub(super) bytes: u64,
    pub(super) read_bytes: u64,
    pub(super) lines: u64,
    pub(super) keys: u64,
    pub(super) refused: u64,
    pub(super) refusals: Vec<RefusedLine>,
    pub(super) detail: Option<String>,
}
