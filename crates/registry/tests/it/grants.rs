//! Nobody grants what their own key does not hold: every way to grant something, tried by keys that hold a part.

use edgelatch_core::key::KeyId;
use edgelatch_registry::management::{self, ADMINISTRATOR, ORG};
use edgelatch_registry::{
    Caller, Digest, Error, Handover, Import, ImportDefaults, ImportFormat, KeyEdit, KeyFilter, Keys, Name, NewKey, NewOrg,
    NewOwner, NewRole, OrgEdit, OwnerEdit, OwnerKind, Preset, RoleEdit, Rotate, Scope, Slug, StatusEdit, Tenants,
};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, KeysExt, caller, slug};
use serde_json::json;

on_both_stores! {
    start: edgelatch_testkit::registry::Fixture::empty;
    what_a_key_lacks_it_does_not_grant, what_a_key_holds_it_grants, what_takes_away_grants_nothing,
    a_change_is_judged_by_what_was_held_before_it, only_an_accepted_key_grants, what_an_owner_keeps_is_the_same_role, a_revoked_key_is_given_nothing, an_orgs_role_that_shadows_one_of_the_realm_says_so,
}

/// Ways to grant a role, or its permissions, and a scope.
const WAYS: [&str; 17] = [
    "create a key",
    "import a key",
    "import a file",
    "edit a key",
    "edit keys by a filter",
    "enable a key",
    "enable a key by an edit",
    "rotate a key",
    "rename a key",
    "give a key another owner",
    "make an owner",
    "give an owner a role",
    "enable an owner",
    "make a role",
    "edit a role",
    "edit an owner's role",
    "let keys have their org's authority",
];

/// The management realm, in which each attempt has orgs and roles of its own.
struct Realm {
    f: Fixture,
    attempts: u32,
}

fn establish(mut f: Fixture) -> Realm {
    f.realm = slug(management::REALM);
    management::establish(&f.registry, &caller(), &mut |_| Ok(())).unwrap();
    let realm = Realm { f, attempts: 0 };
    // Holds all of this realm, and a part of what others take.
    realm.tenants().create_role(&caller(), &role("keeper", None, &["management.*", "api.key.*"])).unwrap();
    realm
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn role(role: &str, org: Option<&str>, permissions: &[&str]) -> NewRole {
    let permissions = permissions.iter().map(|pattern| pattern.parse().unwrap()).collect();
    NewRole { role: slug(role), org: org.map(slug), name: name(role), permissions }
}

fn owner(org: &str, owner: &str, roles: &[&str]) -> NewOwner {
    let roles = roles.iter().map(|role| slug(role)).collect();
    NewOwner { org: slug(org), owner: slug(owner), kind: OwnerKind::User, name: name(owner), roles }
}

fn scope(services: &[&str]) -> Scope {
    match services {
        ["all"] => Scope::All,
        some => Scope::List(some.iter().map(|service| service.parse().unwrap()).collect()),
    }
}

fn key(org: &str, role: Option<&str>, services: &[&str]) -> NewKey {
    let name = name(&format!("{role:?} {services:?}"));
    NewKey { roles: role.into_iter().map(slug).collect(), scope: scope(services), ..NewKey::new(slug(org), name) }
}

impl Realm {
    fn tenants(&self) -> Tenants<'_> {
        self.f.registry.tenants(&self.f.realm)
    }

    fn keys(&self) -> Keys<'_> {
        self.f.registry.keys(&self.f.realm)
    }

    fn make(&self, by: &Caller, key: &NewKey) -> Result<KeyId, Error> {
        Ok(self.keys().create(by, key, Handover::default())?.created()?.key.key_id)
    }

    /// Somebody who acts by a key of this role and scope.
    fn holder(&self, role: &str, services: &[&str]) -> Caller {
        let found = self.keys().all(&Default::default()).unwrap().into_iter();
        let fits = |key: &edgelatch_registry::Key| {
            key.org.as_str() == ORG && key.roles == [slug(role)] && key.scope == scope(services)
        };
        let found = found.filter(fits).map(|key| key.key_id).next();
        Caller::holding(found.unwrap_or_else(|| self.make(&caller(), &key(ORG, Some(role), services)).unwrap())).unwrap()
    }

    /// An org for one attempt.
    fn org(&self, org: &str, settings: serde_json::Value) {
        let (me, tenants) = (caller(), self.tenants());
        tenants.create_org(&me, &NewOrg { org: slug(org), name: name(org), preset: None }).unwrap();
        let edit = OrgEdit { settings: Some(settings), ..OrgEdit::default() };
        tenants.edit_org(&me, &slug(org), &edit).unwrap();
        tenants.create_owner(&me, &owner(org, "lead", &[])).unwrap();
    }

    /// Tries one of the ways, to the end that a key has what `wanted` grants, which is `pattern` alone, and these services. What must be there
    /// first is made by an operator.
    fn attempt(&mut self, by: &Caller, way: &str, (wanted, pattern): (&str, &str), services: &[&str]) -> Result<(), Error> {
        self.attempts += 1;
        let (n, me, tenants, keys) = (self.attempts, caller(), self.tenants(), self.keys());
        let (org, heirs, spare) = (format!("org{n}"), format!("heirs{n}"), format!("spare{n}"));
        self.org(&org, json!({ "revocation": "reversible", "editable": ["name", "roles", "scope", "status"] }));
        self.org(&heirs, json!({ "authority": "owner", "min_roles": 0 }));
        tenants.create_role(&me, &role(&spare, None, &["api.key.view"])).unwrap();
        let lead = |by: &Caller, edit| tenants.edit_owner(by, &slug(&heirs), &slug("lead"), &edit).map(drop);
        let there = || self.make(&me, &key(&org, Some(wanted), services)).unwrap();
        let heir = || self.make(&me, &key(&heirs, None, services)).unwrap();
        let edited = |id, edit| keys.edit(by, id, &edit).map(drop);
        let disabled = |id| {
            keys.revoke(&me, id, None).unwrap();
            id
        };
        let widen_role = || {
            let edit = RoleEdit { permissions: Some(vec![pattern.parse().unwrap()]), ..RoleEdit::default() };
            tenants.edit_role(by, None, &slug(&spare), &edit).map(drop)
        };
        match way {
            "create a key" => self.make(by, &key(&org, Some(wanted), services)).map(drop),
            "import a key" => {
                let digest = Digest::parse("sha256", &format!("{n:08x}").repeat(8)).unwrap();
                keys.import(by, &key(&org, Some(wanted), services), &digest).map(drop)
            }
            "import a file" => {
                let mut line = json!({ "sha256": format!("{n:08x}").repeat(8), "name": "x", "org": org, "roles": [wanted] });
                if services != ["all"] {
                    line["scope"] = services.into();
                }
                let import = Import { format: ImportFormat::JsonLines, defaults: ImportDefaults::default(), dry_run: false };
                let report = keys.import_file(by, &import, &mut line.to_string().as_bytes(), &mut |_| {})?;
                assert!(report.done, "{report:?}");
                Ok(())
            }
            "edit a key" => {
                let id = self.make(&me, &key(&org, Some(&spare), &["acme.one"])).unwrap();
                edited(id, KeyEdit { roles: Some(vec![slug(wanted)]), scope: Some(scope(services)), ..KeyEdit::default() })
            }
            "edit keys by a filter" => {
                self.make(&me, &key(&org, Some(&spare), &["acme.one"])).unwrap();
                let filter = KeyFilter { org: Some(slug(&org)), ..KeyFilter::default() };
                let (roles, scope) = (Some(vec![slug(wanted)]), Some(scope(services)));
                keys.edit_all(by, &filter, &KeyEdit { roles, scope, ..KeyEdit::default() }, Some(1), &mut |_| {}).map(drop)
            }
            "enable a key" => keys.enable(by, disabled(there()), None).map(drop),
            "enable a key by an edit" => {
                edited(disabled(there()), KeyEdit { status: Some(StatusEdit::Enable), ..KeyEdit::default() })
            }
            "rotate a key" => keys.renew(by, there(), &Rotate::default()).map(drop),
            "rename a key" => edited(there(), KeyEdit { name: Some(name("other")), ..KeyEdit::default() }),
            "give a key another owner" => {
                let id = heir();
                tenants.create_owner(&me, &owner(&heirs, "other", &[wanted])).unwrap();
                edited(id, KeyEdit { owner: Some(slug("other")), ..KeyEdit::default() })
            }
            "make an owner" => tenants.create_owner(by, &owner(&heirs, "new", &[wanted])).map(drop),
            "give an owner a role" => {
                heir();
                lead(by, OwnerEdit { roles: Some(vec![slug(wanted)]), ..OwnerEdit::default() })
            }
            "enable an owner" => {
                heir();
                let roles = Some(vec![slug(wanted)]);
                lead(&me, OwnerEdit { roles, disabled: Some(true), ..OwnerEdit::default() }).unwrap();
                lead(by, OwnerEdit { disabled: Some(false), ..OwnerEdit::default() })
            }
            "make a role" => tenants.create_role(by, &role(&format!("made{n}"), None, &[pattern])).map(drop),
            "edit a role" => {
                self.make(&me, &key(&org, Some(&spare), services)).unwrap();
                widen_role()
            }
            "edit an owner's role" => {
                heir();
                lead(&me, OwnerEdit { roles: Some(vec![slug(&spare)]), ..OwnerEdit::default() }).unwrap();
                widen_role()
            }
            "let keys have their org's authority" => {
                self.make(&me, &key(&org, Some(&spare), services)).unwrap();
                let edit = OrgEdit { settings: Some(json!({ "authority": "org" })), ..OrgEdit::default() };
                tenants.edit_org(by, &slug(&org), &edit).map(drop)
            }
            other => panic!("{other}"),
        }
    }

    /// What became of an attempt: what would exceed, or `done`. Of a refused one nothing is left.
    fn outcome(&mut self, by: &Caller, way: &str, wanted: (&str, &str), services: &[&str]) -> String {
        let result = self.attempt(by, way, wanted, services);
        let newest =
            self.f.registry.audit(&self.f.realm).list(&Default::default(), &Default::default()).unwrap().rows.remove(0);
        assert_eq!(newest.actor == by.actor().as_str(), result.is_ok(), "{way}: {newest:?}");
        match result {
            Ok(()) => "done".into(),
            Err(error @ Error::Exceeds { .. }) => error.to_string().split(", which").next().unwrap().into(),
            Err(other) => panic!("{way}: {other}"),
        }
    }
}

/// What a way grants beside what is wanted of it: an org's authority is everything.
fn of_way<'a>(way: &str, wanted: &'a str) -> &'a str {
    if way.starts_with("let keys") { "*" } else { wanted }
}

fn what_a_key_lacks_it_does_not_grant(f: Fixture) {
    let mut realm = establish(f);
    let keeper = realm.holder("keeper", &["all"]);
    for way in WAYS {
        let wanted = format!("this would grant the permission `{}`", of_way(way, "*"));
        assert_eq!(realm.outcome(&keeper, way, (ADMINISTRATOR, "*"), &["all"]), wanted, "{way}");
    }
    // Everything, but only here and in one realm.
    let confined = realm.holder(ADMINISTRATOR, &["management", "acme"]);
    for way in WAYS.into_iter().filter(|way| !["make a role", "make an owner"].contains(way)) {
        for (services, lacks) in
            [(&["all"][..], "a scope of all services"), (&["acme", "globex.web"], "the service `globex.web`")]
        {
            let outcome = realm.outcome(&confined, way, ("keeper", "management.*"), services);
            assert_eq!(outcome, format!("this would grant {lacks}"), "{way}");
        }
    }
    // A whole preset of roles, or of keys that have their org's whole authority.
    let org = |preset| NewOrg { org: slug("preset"), name: name("preset"), preset: Some(preset) };
    let refused = realm.tenants().create_org(&keeper, &org(Preset::VergeCloud)).unwrap_err();
    assert_eq!(refused.code(), "exceeds_authority", "{refused}");
    realm.tenants().create_org(&keeper, &org(Preset::Valar)).unwrap();
    realm.tenants().create_owner(&keeper, &owner("preset", "lead", &[])).unwrap();
    let refused = realm.make(&keeper, &key("preset", None, &["all"])).unwrap_err();
    assert_eq!(refused.code(), "exceeds_authority", "{refused}");
}

fn what_a_key_holds_it_grants(f: Fixture) {
    let mut realm = establish(f);
    let keeper = realm.holder("keeper", &["all"]);
    let confined = realm.holder(ADMINISTRATOR, &["management", "acme"]);
    let everything = realm.holder(ADMINISTRATOR, &["all"]);
    for way in WAYS {
        assert_eq!(realm.outcome(&everything, way, (ADMINISTRATOR, "*"), &["all"]), "done", "{way}");
        // An org of a realm in scope is in scope, and what is held needs no pattern of the same text.
        assert_eq!(realm.outcome(&confined, way, ("keeper", "api.*.view"), &["acme.one", "management"]), "done", "{way}");
        if !way.starts_with("let keys") {
            assert_eq!(realm.outcome(&keeper, way, ("keeper", "management.key.*"), &["all"]), "done", "{way}");
        }
    }
    // In any other realm keys hold what management keys have no word for.
    realm.f.realm = slug("acme");
    edgelatch_testkit::registry::fill(&realm.f.registry, &realm.f.realm, Preset::Default);
    realm.make(&keeper, &key("one", Some("admin"), &["all"])).unwrap();
    realm.tenants().create_role(&keeper, &role("all", None, &["*"])).unwrap();
}

fn what_takes_away_grants_nothing(f: Fixture) {
    let realm = establish(f);
    let (keeper, me) = (realm.holder("keeper", &["all"]), caller());
    let (keys, tenants) = (realm.keys(), realm.tenants());
    realm.org("heirs", json!({ "authority": "owner", "min_roles": 0 }));
    tenants.create_role(&me, &role("both", None, &["*", "api.key.view"])).unwrap();
    let roles = Some(vec![slug("both"), slug("keeper")]);
    tenants.edit_owner(&me, &slug("heirs"), &slug("lead"), &OwnerEdit { roles, ..OwnerEdit::default() }).unwrap();
    realm.make(&me, &key("heirs", None, &["all"])).unwrap();
    let strong = realm.make(&me, &key(ORG, Some(ADMINISTRATOR), &["all"])).unwrap();
    let lead = |edit: OwnerEdit| tenants.edit_owner(&keeper, &slug("heirs"), &slug("lead"), &edit).unwrap();
    lead(OwnerEdit { disabled: Some(true), ..OwnerEdit::default() });
    lead(OwnerEdit { roles: Some(vec![slug("both")]), ..OwnerEdit::default() });
    let less = RoleEdit { permissions: Some(vec!["api.org.view".parse().unwrap()]), ..RoleEdit::default() };
    tenants.edit_role(&keeper, None, &slug("both"), &less).unwrap();
    let less = KeyEdit { roles: Some(vec![slug("keeper")]), ..KeyEdit::default() };
    keys.edit(&keeper, strong, &less).unwrap();
    keys.revoke(&keeper, realm.make(&me, &key(ORG, Some("viewer"), &["all"])).unwrap(), None).unwrap();
}

/// An org's role that was made later does not take the place of the realm's which an owner has, whatever else its owner gets or loses.
fn what_an_owner_keeps_is_the_same_role(f: Fixture) {
    let realm = establish(f);
    let (keeper, me, tenants) = (realm.holder("keeper", &["all"]), caller(), realm.tenants());
    realm.org("heirs", json!({ "authority": "owner", "min_roles": 0 }));
    for name in ["ops", "look"] {
        tenants.create_role(&me, &role(name, None, &["api.key.view"])).unwrap();
    }
    let lead = |by: &Caller, roles: &[&str]| {
        let roles = Some(roles.iter().map(|role| slug(role)).collect());
        tenants.edit_owner(by, &slug("heirs"), &slug("lead"), &OwnerEdit { roles, ..OwnerEdit::default() }).map(drop)
    };
    lead(&me, &["look", "ops"]).unwrap();
    tenants.create_role(&me, &role("ops", Some("heirs"), &["*"])).unwrap();
    lead(&keeper, &["ops", "look"]).unwrap();
    lead(&keeper, &["ops"]).unwrap();
    // Still the realm's: who holds no more than that gives it to a key.
    realm.make(&keeper, &key("heirs", None, &["all"])).unwrap();
    lead(&keeper, &[]).unwrap();
    assert_eq!(lead(&keeper, &["ops"]).unwrap_err().code(), "exceeds_authority");
}

/// Somebody who holds more may enable it later, and does not see that it is another one.
fn a_revoked_key_is_given_nothing(f: Fixture) {
    let realm = establish(f);
    let (keeper, me, keys) = (realm.holder("keeper", &["all"]), caller(), realm.keys());
    realm.org("back", json!({ "revocation": "reversible", "editable": ["roles", "status"] }));
    let weak = realm.make(&me, &key("back", Some("viewer"), &["acme"])).unwrap();
    keys.revoke(&me, weak, None).unwrap();
    let more = KeyEdit { roles: Some(vec![slug(ADMINISTRATOR)]), ..KeyEdit::default() };
    assert_eq!(keys.edit(&keeper, weak, &more).unwrap_err().code(), "exceeds_authority");
    // Whatever a key holds, it can be taken out of use.
    let strong = realm.make(&me, &key("back", Some(ADMINISTRATOR), &["all"])).unwrap();
    let end = KeyEdit { status: Some(StatusEdit::Revoke), ..KeyEdit::default() };
    keys.edit(&keeper, strong, &end).unwrap();
}

/// Else whoever may edit roles, or keys, would give themselves what they then hold.
fn a_change_is_judged_by_what_was_held_before_it(f: Fixture) {
    let realm = establish(f);
    let keeper = realm.make(&caller(), &key(ORG, Some("keeper"), &["management", "acme"])).unwrap();
    let me = Caller::holding(keeper).unwrap();
    let widened = RoleEdit { permissions: Some(vec!["*".parse().unwrap()]), ..RoleEdit::default() };
    let refused = [
        realm.tenants().edit_role(&me, None, &slug("keeper"), &widened).map(drop),
        realm.keys().edit(&me, keeper, &KeyEdit { scope: Some(Scope::All), ..KeyEdit::default() }).map(drop),
        realm.keys().edit(&me, keeper, &KeyEdit { roles: Some(vec![slug(ADMINISTRATOR)]), ..KeyEdit::default() }).map(drop),
    ];
    for result in refused {
        assert_eq!(result.unwrap_err().code(), "exceeds_authority");
    }
    // Its own new secret is its own.
    realm.keys().renew(&me, keeper, &Rotate::default()).unwrap();
}

/// A call that was admitted a moment ago may be about to act by a key that is no more.
fn only_an_accepted_key_grants(f: Fixture) {
    let realm = establish(f);
    let (me, administrator) = (caller(), key(ORG, Some(ADMINISTRATOR), &["all"]));
    let refused = |by: &Caller| {
        let new = key(ORG, Some("edge"), &["acme"]);
        assert_eq!(realm.make(by, &new).unwrap_err().code(), "exceeds_authority");
    };
    refused(&Caller::holding(KeyId(7)).unwrap());
    let expiring = realm.make(&me, &NewKey { expires_at: Some(realm.f.registry.env().now().unwrap() + 60), ..administrator });
    let expiring = Caller::holding(expiring.unwrap()).unwrap();
    realm.make(&expiring, &key(ORG, Some("viewer"), &["acme"])).unwrap();
    realm.f.advance(60);
    refused(&expiring);
    let revoked = realm.make(&me, &key(ORG, Some(ADMINISTRATOR), &["acme"])).unwrap();
    realm.keys().revoke(&me, revoked, None).unwrap();
    refused(&Caller::holding(revoked).unwrap());
    let disabled = realm.holder(ADMINISTRATOR, &["globex"]);
    let edit = OwnerEdit { disabled: Some(true), ..OwnerEdit::default() };
    realm.tenants().edit_owner(&me, &slug(ORG), &slug(management::OWNER), &edit).unwrap();
    refused(&disabled);
}

fn an_orgs_role_that_shadows_one_of_the_realm_says_so(f: Fixture) {
    let f = f.with(Preset::Default);
    let (me, tenants) = (caller(), f.registry.tenants(&f.realm));
    let codes = |role: edgelatch_registry::Role| role.warnings.iter().map(|warning| warning.code()).collect::<Vec<_>>();
    let one: Option<&Slug> = Some(&slug("one"));
    assert_eq!(codes(tenants.create_role(&me, &role("reader", Some("one"), &["*"])).unwrap()), ["shadows_role"]);
    let edit = RoleEdit { name: Some(name("Ours")), ..RoleEdit::default() };
    assert_eq!(codes(tenants.edit_role(&me, one, &slug("reader"), &edit).unwrap()), ["shadows_role"]);
    assert_eq!(codes(tenants.role(one, &slug("reader")).unwrap()), ["shadows_role"]);
    assert_eq!(codes(tenants.role(None, &slug("reader")).unwrap()), [""; 0]);
    let shadowing: Vec<_> = tenants.roles().unwrap().into_iter().filter(|role| !role.warnings.is_empty()).collect();
    assert_eq!(shadowing.iter().map(|role| role.org.as_ref()).collect::<Vec<_>>(), [one]);
    assert_eq!(codes(tenants.create_role(&me, &role("own", Some("one"), &["*"])).unwrap()), [""; 0]);
    // The other way round.
    assert_eq!(codes(tenants.create_role(&me, &role("own", None, &["*"])).unwrap()), ["role_shadowed"]);
}
