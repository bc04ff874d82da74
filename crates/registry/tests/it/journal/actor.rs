//! Somebody who does everything that can be done to a realm, at random.

use super::*;

pub const ORGS: [&str; 3] = ["one", "two", "cloud"];
pub const OWNERS: [&str; 2] = ["alice", "bob"];
pub const ROLES: [&str; 5] = ["admin", "reader", "writer", "ours", "theirs"];
pub const SERVICES: [&str; 4] = ["cdn", "dns", "mail", "web"];
pub const NETWORKS: [&str; 4] = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "203.0.113.0/24"];

/// Acts at random over few names, so that they meet.
pub struct Actor<'f> {
    pub f: &'f Fixture,
    pub random: Random,
    /// Orgs `cloud` that are gone: none of their names is given again.
    pub clouds: u32,
}

impl Actor<'_> {
    pub fn one_of(&mut self, names: &[&str]) -> Slug {
        slug(self.random.pick(names))
    }

    /// The org of that kind which is there, if one is.
    fn cloud(&self) -> Slug {
        slug(&format!("cloud{}", self.clouds))
    }

    pub fn org(&mut self) -> Slug {
        let org = self.one_of(&ORGS);
        if org.as_str() == "cloud" { self.cloud() } else { org }
    }

    pub fn some_of<'n>(&mut self, names: &[&'n str]) -> Vec<&'n str> {
        names.iter().copied().filter(|_| self.random.below(3) == 0).collect()
    }

    pub fn roles(&mut self) -> Vec<Slug> {
        self.some_of(&ROLES[..4]).into_iter().map(slug).collect()
    }

    pub fn patterns(&mut self) -> Vec<Pattern> {
        let some = self.some_of(&["a.*", "b", "c.d", "*.view"]);
        some.iter().chain(&["z"]).map(|pattern| pattern.parse().unwrap()).collect()
    }

    pub fn scope(&mut self) -> Scope {
        let services: Vec<Service> = self.some_of(&SERVICES).iter().map(|s| Service::parse("scope", s).unwrap()).collect();
        if services.is_empty() { Scope::All } else { Scope::List(services) }
    }

    pub fn key(&mut self) -> Result<Key, Error> {
        let keys = self.f.registry.keys(&self.f.realm).all(&KeyFilter::default())?;
        let missing = || Error::NotFound { kind: edgelatch_registry::Kind::Key, id: String::new() };
        (!keys.is_empty()).then(|| keys[self.random.below(keys.len())].clone()).ok_or_else(missing)
    }

    pub fn new_key(&mut self) -> NewKey {
        let name = format!("key {}", self.random.below(1000));
        let (allow, deny) = (self.some_of(&NETWORKS[..2]), self.some_of(&NETWORKS[2..]));
        NewKey {
            org: self.org(),
            owner: Some(self.one_of(&OWNERS)),
            roles: self.roles(),
            scope: self.scope(),
            ip: ip(&allow, &deny),
            metadata: serde_json::from_value(json!({ "n": self.random.below(3) })).unwrap(),
            ..new_key(&name)
        }
    }

    pub fn digest(&mut self) -> String {
        // Few of them, so that one that is gone comes back.
        let text = format!("imported {}", self.random.below(8));
        key::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub fn edit(&mut self) -> KeyEdit {
        let n = self.random.below(1000);
        let entry = |text: &&str| IpEntry::parse("allow", text).unwrap();
        let switched = (Cidr::parse(NETWORKS[0].as_bytes()).unwrap(), n.is_multiple_of(2));
        match self.random.below(11) {
            0 => KeyEdit { name: Some(format!("renamed {n}").parse().unwrap()), ..KeyEdit::default() },
            1 => KeyEdit { description: Some(n.to_string().parse().unwrap()), ..KeyEdit::default() },
            2 => KeyEdit { roles: Some(self.roles()), ..KeyEdit::default() },
            3 => KeyEdit { scope: Some(self.scope()), ..KeyEdit::default() },
            4 => {
                let allow = ListEdit::Replace(self.some_of(&NETWORKS).iter().map(entry).collect());
                KeyEdit { ip: IpEdit { allow, ..IpEdit::default() }, ..KeyEdit::default() }
            }
            5 => {
                let allow = ListEdit::Change { add: vec![], remove: vec![], switch: vec![switched] };
                KeyEdit { ip: IpEdit { allow, ..IpEdit::default() }, ..KeyEdit::default() }
            }
            6 => KeyEdit { expires_at: Some(Some(NOW + 900 * 86_400 + n as u64)), ..KeyEdit::default() },
            7 => KeyEdit { not_before: Some(Some(NOW - n as u64)), ..KeyEdit::default() },
            9 => KeyEdit { owner: Some(self.one_of(&OWNERS)), ..KeyEdit::default() },
            8 => KeyEdit { metadata: Some(serde_json::from_value(json!({ "edited": n })).unwrap()), ..KeyEdit::default() },
            _ => {
                let status = if n.is_multiple_of(2) { StatusEdit::Revoke } else { StatusEdit::Enable };
                KeyEdit { status: Some(status), ..KeyEdit::default() }
            }
        }
    }

    pub fn settings(&mut self) -> serde_json::Value {
        let all = [
            json!({ "authority": "roles" }),
            json!({ "authority": "owner" }),
            json!({ "authority": "org" }),
            json!({ "revocation": "reversible" }),
            json!({ "revocation": "delete" }),
            json!({ "credentials": ["bearer"] }),
            json!({ "credentials": ["bearer", "x-api-key"] }),
            json!({ "request_log_days": 30 }),
        ];
        all[self.random.below(all.len())].clone()
    }

    /// What is done `which` way, and whether it was.
    pub fn act(&mut self, which: usize) -> Result<(), Error> {
        let (me, f) = (caller(), self.f);
        let (keys, tenants) = (f.registry.keys(&f.realm), f.registry.tenants(&f.realm));
        match which {
            0 | 1 => keys.make(&me, &self.new_key()).map(drop),
            2 => keys.import(&me, &self.new_key(), &Digest::parse("sha256", &self.digest())?).map(drop),
            3 => {
                let (org, owner) = (Some(self.org()), Some(self.one_of(&OWNERS)));
                let import = Import {
                    format: ImportFormat::Csv,
                    defaults: ImportDefaults { org, owner, roles: Vec::new(), environment: None },
                    dry_run: false,
                };
                let lines = (0..2).map(|n| format!("{},file {n},cdn\n", self.digest())).collect::<String>();
                let mut input = Cursor::new(format!("sha256,name,scope\n{lines}"));
                let report = keys.import_file(&me, &import, &mut input, &mut |_| {})?;
                if report.done { Ok(()) } else { Err(Error::DigestTaken) }
            }
            4..=7 => keys.edit(&me, self.key()?.key_id, &self.edit()).map(drop),
            8 => keys.revoke(&me, self.key()?.key_id, None).map(drop),
            9 => keys.enable(&me, self.key()?.key_id, None).map(drop),
            10 => {
                let overlap = [0, 60, 86_400][self.random.below(3)];
                keys.renew(&me, self.key()?.key_id, &Rotate { overlap, confirm: None, if_revision: None }).map(drop)
            }
            11 => {
                let key = self.key()?;
                keys.delete(&me, key.key_id, Some(key.name.as_str()), None).map(drop)
            }
            12 => {
                let filter = KeyFilter { search: Some(format!("key {}", self.random.below(10))), ..KeyFilter::default() };
                let matched = keys.revoke_all(&me, &filter, None, &mut |_| {})?.matched;
                keys.revoke_all(&me, &filter, Some(matched), &mut |_| {}).map(drop)
            }
            13 => {
                let disabled = Some(self.random.below(2) == 0);
                let edit = OwnerEdit { disabled, ..OwnerEdit::default() };
                tenants.edit_owner(&me, &self.org(), &self.one_of(&OWNERS), &edit).map(drop)
            }
            14 => {
                let edit = OwnerEdit { roles: Some(self.roles()), ..OwnerEdit::default() };
                tenants.edit_owner(&me, &self.org(), &self.one_of(&OWNERS), &edit).map(drop)
            }
            15 => tenants.delete_owner(&me, &self.org(), &self.one_of(&OWNERS), None).map(drop),
            16 => {
                let owner = self.one_of(&OWNERS);
                let name = "Somebody".parse().unwrap();
                let new = NewOwner { org: self.org(), owner, kind: OwnerKind::User, name, roles: self.roles() };
                tenants.create_owner(&me, &new).map(drop)
            }
            17 => {
                let (org, role) = (Some(self.org()), self.one_of(&ROLES[3..]));
                let org = org.filter(|_| role.as_str() == "ours");
                tenants
                    .create_role(&me, &NewRole { role, org, name: "Role".parse().unwrap(), permissions: self.patterns() })
                    .map(drop)
            }
            18 => {
                let edit = RoleEdit { permissions: Some(self.patterns()), ..RoleEdit::default() };
                tenants.edit_role(&me, Some(&self.org()), &slug("ours"), &edit).map(drop)
            }
            19 => tenants.delete_role(&me, Some(&self.org()), &slug("ours"), None).map(drop),
            20 => {
                let edit = OrgEdit { settings: Some(self.settings()), ..OrgEdit::default() };
                tenants.edit_org(&me, &self.org(), &edit).map(drop)
            }
            21 => {
                let new = NewOrg { org: self.cloud(), name: "Cloud".parse().unwrap(), preset: Some(Preset::VergeCloud) };
                tenants.create_org(&me, &new).map(drop)
            }
            22 => {
                let cloud = self.cloud();
                self.clouds += 1;
                let gone = tenants.delete_org(&me, &cloud, None);
                self.clouds -= u32::from(gone.is_err());
                gone.map(drop)
            }
            _ => {
                f.advance(ENDED_SECRET_DAYS * 86_400 / 8);
                f.registry.purge().map(drop)
            }
        }
    }
}
