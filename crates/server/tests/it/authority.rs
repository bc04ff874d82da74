//! Every operation that writes, tried by every kind of caller, in each realm: `docs/authority.md` says what becomes of it, and is what this test
//! finds. The operations are those of the API's document, so that a new one fails here until it is tried too.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use crate::common::{Plane, Reply, Served, slug};
use edgelatch_core::key::KeyId;
use edgelatch_registry::people::{Invite, Place};
use edgelatch_registry::{
    Created, EventFilter, NewKey, NewOrg, NewOwner, NewRealm, NewRole, OrgEdit, OwnerKind, Preset, Scope, management,
};
use edgelatch_server::api_document;
use edgelatch_testkit::registry::{KeysExt, caller, fill};
use serde_json::{Value, json};

/// Who calls: what the document calls them, a role of the management realm and a scope.
const CALLERS: [(&str, &str, &[&str]); 9] = [
    ("administrator", "administrator", &[]),
    ("… of `acme`", "administrator", &["acme"]),
    ("… of its org `one`", "administrator", &["acme.one"]),
    ("… of another realm", "administrator", &["globex"]),
    ("… of `management`'s org `one`, and of `acme`", "administrator", &["management.one", "acme"]),
    ("holder of `management.*` and `api.key.*`", "keeper", &[]),
    ("key manager", "key-manager", &[]),
    ("viewer", "viewer", &[]),
    ("edge", "edge", &["acme"]),
];

/// Where: a realm, an org of it, and whether it is about a role, a scope or permissions that few hold.
const PLACES: [(&str, &str, &str, bool); 4] = [
    ("`acme`, org `one`", "acme", "one", true),
    ("`acme`, org `two`", "acme", "two", true),
    ("`management`, org `one`: role `viewer`, scope `acme.one`", "management", "one", false),
    ("`management`, org `one`: role `administrator`, every service", "management", "one", true),
];

/// One attempt: what it is about, each with a name that nothing else has.
struct Attempt<'p> {
    plane: &'p Plane,
    number: usize,
    realm: &'static str,
    org: &'static str,
    role: &'static str,
    scope: Value,
    pattern: &'static str,
}

/// An operation: its id, and after a blank the member that it is tried with once more; its method and path, and its body.
type Operation = (&'static str, fn(&Attempt<'_>) -> (String, Value));

const OPERATIONS: [Operation; 33] = [
    ("createKey", |at| ("POST keys".into(), at.new_key())),
    ("importKeys", |at| (format!("POST keys/import?org={}", at.org), at.line())),
    ("beginImport", |at| (format!("POST imports?org={}", at.org), at.line())),
    ("editKey", |at| {
        (format!("PATCH keys/{}", at.weak_key()), json!({ "roles": [at.role], "scope": at.scope, "description": "x" }))
    }),
    ("editKeys", |at| {
        at.weak_key();
        let edit = json!({ "roles": [at.role], "scope": at.scope, "description": "x" });
        ("POST keys/edit".into(), json!({ "filter": { "org": at.org, "search": at.name() }, "edit": edit, "confirm": 1 }))
    }),
    ("editKey owner", |at| (format!("PATCH keys/{}", at.heirs_key()), json!({ "owner": at.owner(&[at.role]) }))),
    ("rotateKey", |at| (format!("POST keys/{}/rotate", at.key()), Value::Null)),
    ("enableKey", |at| (format!("POST keys/{}/enable", at.revoked()), Value::Null)),
    ("revokeKey", |at| (format!("POST keys/{}/revoke", at.key()), Value::Null)),
    ("revokeKeys", |at| {
        ("POST keys/revoke".into(), json!({ "filter": { "org": at.org, "search": at.name() }, "confirm": at.one() }))
    }),
    ("findKeyBySecret", |at| ("POST keys/by-secret".into(), json!({ "secret": at.secret() }))),
    ("revokeKeyBySecret", |at| ("POST keys/by-secret/revoke".into(), json!({ "secret": at.secret() }))),
    ("deleteKey", |at| (format!("DELETE keys/{}", at.key()), Value::Null)),
    ("explainKey", |at| (format!("POST keys/{}/explain", at.key()), json!({ "ip": "192.0.2.1" }))),
    ("createOwner", |at| ("POST owners".into(), json!({ "org": at.org, "owner": at.name(), "roles": [at.role] }))),
    ("editOwner", |at| (format!("PATCH orgs/{}/owners/{}", at.org, at.owner(&[])), json!({ "roles": [at.role] }))),
    ("deleteOwner", |at| (format!("DELETE orgs/{}/owners/{}", at.org, at.owner(&[])), Value::Null)),
    ("invitePerson", |at| {
        let org = if at.realm == management::REALM { Value::Null } else { json!(at.org) };
        let mut body = json!({ "name": at.name(), "roles": [at.role] });
        if !org.is_null() {
            body["org"] = org;
        }
        ("POST people".into(), body)
    }),
    ("editPerson", |at| (format!("PATCH people/{}", at.person("edge")), json!({ "roles": [at.role] }))),
    ("renewInvitation", |at| (format!("POST people/{}/link", at.person(at.role)), Value::Null)),
    ("removePerson", |at| (format!("DELETE people/{}", at.person(at.role)), Value::Null)),
    ("createRole", |at| ("POST roles".into(), json!({ "role": at.name(), "org": at.org, "permissions": [at.pattern] }))),
    ("editRole", |at| (format!("PATCH roles/{}?org={}", at.own_role(), at.org), json!({ "permissions": [at.pattern] }))),
    ("deleteRole", |at| (format!("DELETE roles/{}?org={}", at.own_role(), at.org), Value::Null)),
    ("createOrg", |at| ("POST orgs".into(), json!({ "org": at.name() }))),
    ("editOrg", |at| {
        at.key();
        (format!("PATCH orgs/{}", at.org), json!({ "settings": at.authority() }))
    }),
    ("deleteOrg", |at| (format!("DELETE orgs/{}", at.other_org()), Value::Null)),
    ("createRealm", |at| ("POST /api/v1/realms".into(), json!({ "realm": at.name() }))),
    ("editRealm", |at| (format!("PATCH /api/v1/realms/{}", at.realm), json!({ "name": at.name() }))),
    ("deleteRealm", |at| (format!("DELETE /api/v1/realms/{0}?confirm={0}", at.other_realm()), Value::Null)),
    ("redeliverEvent", |at| (format!("POST events/{}/redeliver", at.event()), Value::Null)),
    ("reportUsage", |at| ("POST usage".into(), json!({ "batch": at.name(), "events": [] }))),
    ("reportEdge", |at| {
        let report = json!({
            "edge": at.name(), "report": 1, "epoch": 1, "issued_at": 1_800_000_000, "root_version": 1, "serving": 2,
            "at": 1_800_000_000, "mode": "timer", "sdk": "x",
        });
        ("POST edges".into(), report)
    }),
];

impl Attempt<'_> {
    fn name(&self) -> String {
        format!("a{}x", self.number)
    }

    /// What a key is made of.
    fn new_key(&self) -> Value {
        json!({ "org": self.org, "owner": "alice", "name": self.name(), "roles": [self.role], "scope": self.scope })
    }

    fn make(&self, role: &str, scope: &Value) -> KeyId {
        self.made(role, scope).key.key_id
    }

    fn made(&self, role: &str, scope: &Value) -> Created {
        let scope: Scope = serde_json::from_value(scope.clone()).unwrap();
        let new = NewKey::new(slug(self.org), self.name().parse().unwrap());
        let new = NewKey { owner: Some(slug("alice")), roles: vec![slug(role)], scope, ..new };
        self.plane.registry.keys(&slug(self.realm)).make(&caller(), &new).unwrap()
    }

    fn secret(&self) -> String {
        self.made(self.role, &self.scope).secret.to_string()
    }

    fn key(&self) -> String {
        self.make(self.role, &self.scope).to_string()
    }

    fn person(&self, role: &str) -> String {
        let org = (self.realm != management::REALM).then(|| slug(self.org));
        let place = Place { realm: slug(self.realm), org };
        let new = Invite { name: self.name().parse().unwrap(), email: None, roles: vec![slug(role)], until: None };
        self.plane.registry.people().invite(&caller(), &place, &new).unwrap().person.person.to_string()
    }

    /// A key as a line of an import.
    fn line(&self) -> Value {
        let digest = format!("{:08x}", self.number).repeat(8);
        let mut line = json!({ "sha256": digest, "owner": "alice", "name": self.name(), "roles": [self.role] });
        if self.scope.is_array() {
            line["scope"] = self.scope.clone();
        }
        line
    }

    fn weak_key(&self) -> String {
        self.make("viewer", &json!(["acme.one"])).to_string()
    }

    fn revoked(&self) -> String {
        let id = self.make(self.role, &self.scope);
        self.plane.registry.keys(&slug(self.realm)).revoke(&caller(), id, None).unwrap();
        id.to_string()
    }

    fn one(&self) -> u64 {
        self.make(self.role, &self.scope);
        1
    }

    fn event(&self) -> String {
        let key_id = Some(self.key());
        let realm = slug(self.realm);
        let events = self.plane.registry.events(&realm);
        let filter = EventFilter { key_id, ..EventFilter::default() };
        events.list(&filter, &Default::default(), &Default::default()).unwrap().events[0].event.to_string()
    }

    /// A key with its owner's roles, which are none.
    fn heirs_key(&self) -> String {
        let key = self.make("viewer", &self.scope).to_string();
        let edit = OrgEdit { settings: Some(json!({ "authority": "owner" })), ..OrgEdit::default() };
        self.plane.registry.tenants(&slug(self.realm)).edit_org(&caller(), &slug(self.org), &edit).unwrap();
        key
    }

    fn owner(&self, roles: &[&str]) -> String {
        let new = NewOwner {
            org: slug(self.org),
            owner: slug(&self.name()),
            kind: OwnerKind::User,
            name: "x".parse().unwrap(),
            roles: roles.iter().map(|role| slug(role)).collect(),
        };
        self.plane.registry.tenants(&slug(self.realm)).create_owner(&caller(), &new).unwrap();
        self.name()
    }

    fn own_role(&self) -> String {
        let (role, permissions) = (slug(&self.name()), vec!["a.b".parse().unwrap()]);
        let new = NewRole { role, org: Some(slug(self.org)), name: "x".parse().unwrap(), permissions };
        self.plane.registry.tenants(&slug(self.realm)).create_role(&caller(), &new).unwrap();
        self.name()
    }

    fn other_org(&self) -> String {
        let new = NewOrg { org: slug(&self.name()), name: "x".parse().unwrap(), preset: None };
        self.plane.registry.tenants(&slug(self.realm)).create_org(&caller(), &new).unwrap();
        self.name()
    }

    fn other_realm(&self) -> String {
        let (realm, name) = (slug(&self.name()), "x".parse().unwrap());
        let new = NewRealm { realm, name, preset: Preset::Default, prefix: None, credentials: None };
        self.plane.registry.create_realm(&caller(), &new).unwrap();
        self.name()
    }

    fn authority(&self) -> Value {
        json!({ "authority": if self.role == "viewer" { "roles" } else { "org" } })
    }
}

/// Three realms of two orgs each, whose keys can be enabled again and deleted.
fn plane() -> Plane {
    let plane = Plane::new();
    fill(&plane.registry, &slug("globex"), Preset::Default);
    let me = caller();
    let realm = slug(management::REALM);
    let tenants = plane.registry.tenants(&realm);
    for org in ["one", "two"] {
        tenants.create_org(&me, &NewOrg { org: slug(org), name: org.parse().unwrap(), preset: None }).unwrap();
        let (owner, name) = (slug("alice"), "Alice".parse().unwrap());
        tenants.create_owner(&me, &NewOwner { org: slug(org), owner, kind: OwnerKind::User, name, roles: Vec::new() }).unwrap();
    }
    let (role, permissions) = (slug("keeper"), ["management.*", "api.key.*"].map(|pattern| pattern.parse().unwrap()).to_vec());
    tenants.create_role(&me, &NewRole { role, org: None, name: "Keeper".parse().unwrap(), permissions }).unwrap();
    // What keys of the two realms have by name is there in both.
    for (role, pattern) in [("viewer", "*.view"), ("administrator", "*")] {
        let (role, permissions) = (slug(role), vec![pattern.parse().unwrap()]);
        let new = NewRole { role, org: None, name: "x".parse().unwrap(), permissions };
        plane.registry.tenants(&slug("acme")).create_role(&me, &new).unwrap();
    }
    plane
}

/// An operator makes an org what it was before the attempt.
fn restore(plane: &Plane, realm: &str, org: &str) {
    let settings = json!({ "authority": "roles", "revocation": "reversible", "deletion": "immediate", "editable": ["owner", "description", "roles", "scope"] });
    let edit = OrgEdit { settings: Some(settings), ..OrgEdit::default() };
    plane.registry.tenants(&slug(realm)).edit_org(&caller(), &slug(org), &edit).unwrap();
}

fn send(s: &Served, key: &str, at: &Attempt<'_>, (line, body): (String, Value)) -> Reply {
    let within = format!(" /api/v1/realms/{}/", at.realm);
    let line = if line.contains(" /") { line } else { line.replacen(' ', &within, 1) };
    if !line.contains("/import") {
        return s.call_as(key, &line, &[], &body);
    }
    s.send(&line, key, &[("Content-Type", "application/jsonl")], body.to_string().as_bytes())
}

/// One word for what became of an attempt.
fn outcome(id: &str, s: &Served, key: &str, reply: &Reply) -> &'static str {
    if reply.status == 202 {
        return ended(s, key, reply);
    }
    if (200..300).contains(&reply.status) {
        return "yes";
    }
    match reply.refused() {
        (403, code) if code == "insufficient-scope" => "no",
        (403, code) if code == "exceeds_authority" => "exceeds",
        (403, code) if code == "forbidden" => "realm only",
        (404, code) if code == "not_found" || code == "secret_unknown" => "unseen",
        other => panic!("{id}: {other:?} {reply}"),
    }
}

/// The same of what goes on after its answer.
fn ended(s: &Served, key: &str, begun: &Reply) -> &'static str {
    let path = begun.header("location").unwrap();
    for _ in 0..600 {
        let job = s.call_as(key, &format!("GET {path}"), &[], &Value::Null).ok();
        match (job["state"].as_str().unwrap(), job["code"].as_str()) {
            ("running", _) => std::thread::sleep(std::time::Duration::from_millis(20)),
            ("imported", _) => return "yes",
            ("failed", Some("exceeds_authority")) => return "exceeds",
            _ => panic!("{job}"),
        }
    }
    panic!("it does not end: {begun}");
}

/// The table of one place, as Markdown.
fn table(
    plane: &Plane,
    s: &Served,
    (place, realm, org, much): (&str, &'static str, &'static str, bool),
    first: usize,
) -> String {
    let keys: Vec<String> = CALLERS
        .iter()
        .map(|(_, role, scope)| {
            let scope: Vec<_> = scope.iter().map(|service| service.parse().unwrap()).collect();
            plane.management_key(role, &scope).1
        })
        .collect();
    let heads: Vec<&str> = CALLERS.iter().map(|(head, ..)| *head).collect();
    let mut text = format!("## {place}\n\n| operation | {} |\n|---{}|\n", heads.join(" | "), "|---".repeat(heads.len()));
    for (row, (id, prepare)) in OPERATIONS.iter().enumerate() {
        write!(text, "| `{id}` |").unwrap();
        for (column, key) in keys.iter().enumerate() {
            restore(plane, realm, org);
            let (role, scope, pattern) = match much {
                true => ("administrator", json!("all"), "*"),
                false => ("viewer", json!(["acme.one"]), "api.key.view"),
            };
            let at = Attempt { plane, number: first + row * keys.len() + column, realm, org, role, scope, pattern };
            let request = prepare(&at);
            write!(text, " {} |", outcome(id, s, key, &send(s, key, &at, request))).unwrap();
        }
        text.push('\n');
    }
    text
}

#[test]
fn every_operation_that_writes_is_tried() {
    let document = serde_json::to_value(api_document()).unwrap();
    let paths = document["paths"].as_object().unwrap().values();
    let writing = paths.flat_map(|path| path.as_object().unwrap()).filter(|(method, _)| *method != "get");
    let writing: BTreeSet<&str> = writing.map(|(_, operation)| operation["operationId"].as_str().unwrap()).collect();
    // One is authorised by a signature and one by an invitation's link, whoever calls.
    let writing: BTreeSet<&str> = writing.into_iter().filter(|id| !["reportLeaks", "acceptInvitation"].contains(id)).collect();
    let tried = OPERATIONS.iter().flat_map(|(id, _)| id.split(' ').next());
    assert_eq!(tried.collect::<BTreeSet<_>>(), writing);
}

#[test]
fn nobody_does_more_than_the_table_says() {
    let plane = plane();
    let s = plane.serve();
    let tables = PLACES.iter().enumerate().map(|(number, place)| table(&plane, &s, *place, (number + 1) * 1_000));
    let made = format!("{HEAD}\n{}", tables.collect::<Vec<_>>().join("\n"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/authority.md");
    if std::env::var_os("EDGELATCH_WRITE").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        made.lines().collect::<Vec<_>>(),
        kept.lines().collect::<Vec<_>>(),
        "docs/authority.md is not what the API does; if it is meant: EDGELATCH_WRITE=1 cargo test -p edgelatch-server --test it authority"
    );
    // Whatever the document says: of what an administrator of less than everything lacks, they grant nothing.
    let strongest = made.rsplit("## ").next().unwrap();
    for id in ["createKey", "importKeys", "beginImport", "editKey", "editKey owner", "rotateKey", "enableKey", "editOrg"] {
        let row = strongest.lines().find(|line| line.starts_with(&format!("| `{id}`"))).unwrap();
        assert_eq!(row.matches(" yes |").count(), 1, "{row}");
    }
}

/// What the document begins with.
const HEAD: &str = "\
# Who may do what over the management API

A management key's roles say what its holder may do, its scope says where. And nobody grants what their own key does not hold, permissions or
services: not by a key that they make, import, edit, enable, or give another owner or a new secret, nor by a role, an owner, or an org's settings. Who holds less
than a key of the realm `management` grants may only take from it, by revoking or deleting it. Other realms' keys hold permissions that management
keys have no word for: there, the right to make keys is the right to make any key that the org's settings allow. Whoever runs `edgelatch` on the
machine is the operator, and bounded by nothing.

The tables below are made by a test, which tries each operation that writes with each kind of caller.

| word | says | answer |
|---|---|---|
| yes | done | 2xx |
| no | the key has no such permission, or does not reach there | 403 `insufficient-scope` |
| realm only | takes authority over the whole realm | 403 `forbidden` |
| unseen | to this caller it is not there | 404 `not_found`, `secret_unknown` |
| exceeds | it would grant what the caller's key does not hold; the answer names it | 403 `exceeds_authority` |
";
