//! Keys as lists and detail pages show them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgelatch_core::key::KeyId;
use edgelatch_core::policy::{AllowMode, Order};

use crate::error::{Error, Kind};
use crate::ip_rules::{ALLOW_MODES, IpEntry, IpRules, ORDERS, from_word, parse_cidr};
use crate::limits::{DEFAULT_PAGE, MAX_PAGE, MAX_SEARCH_BYTES};
use crate::model::{Filter, Key, Page, Scope, State};
use crate::registry::{RealmId, Registry, missing, org_id, realm_id};
use crate::store::{Row, Session, Value, args};
use crate::text::{Metadata, Slug};

/// A key with what only the registry needs to know of it.
pub(super) struct Loaded {
    pub(super) row: u64,
    pub(super) org: u64,
    pub(super) key: Key,
}

const COLUMNS: &str = "SELECT k.id, k.org_id, k.key_id, o.slug, w.slug, w.disabled, k.name, k.description, k.origin, \
    s.first_12, s.masked, k.scope_all, k.allow_mode, k.ip_order, k.not_before, k.expires_at, k.metadata, \
    k.created_at, k.updated_at, k.revoked_at, k.revision \
    FROM keys k JOIN orgs o ON o.id = k.org_id JOIN owners w ON w.id = k.owner_id \
    LEFT JOIN secrets s ON s.id = (SELECT max(id) FROM secrets WHERE key_id = k.id)";

fn state(revoked_at: Option<u64>, not_before: Option<u64>, expires_at: Option<u64>, now: u64) -> State {
    match () {
        () if revoked_at.is_some() => State::Revoked,
        () if not_before.is_some_and(|at| now < at) => State::Pending,
        () if expires_at.is_some_and(|at| now >= at) => State::Expired,
        () => State::Active,
    }
}

/// The same in SQL, with the time as the given parameter.
fn state_sql(state: State, now: &str) -> String {
    let (started, ended) = (
        format!("(k.not_before IS NULL OR k.not_before <= {now})"),
        format!("(k.expires_at IS NOT NULL AND k.expires_at <= {now})"),
    );
    match state {
        State::Revoked => "k.revoked_at IS NOT NULL".into(),
        State::Pending => format!("k.revoked_at IS NULL AND NOT {started}"),
        State::Expired => format!("k.revoked_at IS NULL AND {started} AND {ended}"),
        State::Active => format!("k.revoked_at IS NULL AND {started} AND NOT {ended}"),
    }
}

/// The row's own columns; what other tables hold is filled in by [`complete`].
fn read(row: &Row<'_>, now: u64) -> Result<Loaded, Error> {
    let wrong = || Error::Store { detail: "a key's row holds an unknown word".into() };
    let (revoked_at, not_before, expires_at) = (row.maybe_int(19)?, row.maybe_int(14)?, row.maybe_int(15)?);
    let allow_mode = from_word(&ALLOW_MODES, row.text(12)?).ok_or_else(wrong)?;
    let order = from_word(&ORDERS, row.text(13)?).ok_or_else(wrong)?;
    let key = Key {
        key_id: row.parse(2)?,
        org: row.parse(3)?,
        owner: row.parse(4)?,
        owner_disabled: row.bool(5)?,
        name: row.parse(6)?,
        description: row.parse(7)?,
        state: state(revoked_at, not_before, expires_at, now),
        origin: row.parse(8)?,
        first_12: row.maybe_text(9)?.map(Into::into),
        masked: row.maybe_text(10)?.map(Into::into),
        roles: Vec::new(),
        scope: if row.bool(11)? { Scope::All } else { Scope::List(Vec::new()) },
        ip: IpRules::new(Some(allow_mode), order, Vec::new(), Vec::new())?,
        not_before,
        expires_at,
        metadata: Metadata::stored(row.text(16)?.into()),
        created_at: row.int(17)?,
        updated_at: row.int(18)?,
        revoked_at,
        revision: row.int(20)?,
    };
    Ok(Loaded { row: row.int(0)?, org: row.int(1)?, key })
}

fn complete(session: &mut dyn Session, loaded: &mut Loaded) -> Result<(), Error> {
    let id = args![loaded.row];
    let sql = "SELECT r.slug FROM key_roles x JOIN roles r ON r.id = x.role_id WHERE x.key_id = $1 ORDER BY r.slug";
    loaded.key.roles = session.rows(sql, id, |row| row.parse(0))?;
    if let Scope::List(services) = &mut loaded.key.scope {
        *services =
            session.rows("SELECT service FROM key_services WHERE key_id = $1 ORDER BY service", id, |row| row.parse(0))?;
    }
    loaded.key.ip = load_ip(session, loaded.row, loaded.key.ip.allow_mode(), loaded.key.ip.order())?;
    Ok(())
}

fn load_ip(session: &mut dyn Session, key: u64, mode: AllowMode, order: Order) -> Result<IpRules, Error> {
    let (mut allow, mut deny) = (Vec::new(), Vec::new());
    let sql = "SELECT list, cidr, enabled, note FROM key_ips WHERE key_id = $1 ORDER BY list, position";
    session.each(sql, args![key], &mut |row| {
        let list = if row.text(0)? == "allow" { &mut allow } else { &mut deny };
        list.push(IpEntry { cidr: parse_cidr("cidr", row.text(1)?)?, enabled: row.bool(2)?, note: row.parse(3)? });
        Ok(())
    })?;
    IpRules::new(Some(mode), order, allow, deny)
}

/// One key of a realm in full.
pub(super) fn load(session: &mut dyn Session, realm: RealmId, key_id: KeyId, now: u64) -> Result<Loaded, Error> {
    let sql = format!("{COLUMNS} WHERE k.realm_id = $1 AND k.key_id = $2");
    let found = session.row(&sql, args![realm.0, key_id.to_string()], |row| read(row, now))?;
    let mut loaded = found.ok_or_else(|| missing(Kind::Key, &key_id.to_string()))?;
    complete(session, &mut loaded)?;
    Ok(loaded)
}

impl Registry {
    /// One key.
    pub fn key(&self, realm: &Slug, key_id: KeyId) -> Result<Key, Error> {
        let now = self.env.now()?;
        self.store.reading(|session| {
            let realm = realm_id(session, realm)?;
            load(session, realm, key_id, now).map(|loaded| loaded.key)
        })
    }

    /// A page of keys, newest first.
    pub fn keys(&self, realm: &Slug, filter: &Filter) -> Result<Page, Error> {
        let limit = if filter.limit == 0 { DEFAULT_PAGE } else { filter.limit };
        if limit > MAX_PAGE {
            return Err(Error::invalid(
                "limit",
                format!("{limit} is more than the limit of {MAX_PAGE}; use the cursor for more"),
            ));
        }
        let before = filter.cursor.as_deref().map(read_cursor).transpose()?;
        let search = filter.search.as_deref().filter(|text| !text.is_empty());
        if search.is_some_and(|text| text.len() > MAX_SEARCH_BYTES) {
            return Err(Error::invalid("search", format!("is longer than {MAX_SEARCH_BYTES} bytes")));
        }
        let now = self.env.now()?;
        self.store.reading(|session| {
            let realm = realm_id(session, realm)?;
            let mut values = vec![Value::from(realm.0)];
            let mut wheres = vec!["k.realm_id = $1".to_owned()];
            // The one state that takes no time, and so no parameter.
            if filter.state == Some(State::Revoked) {
                wheres.push(state_sql(State::Revoked, ""));
            }
            let mut add = |value: Value, sql: &dyn Fn(&str) -> String| {
                values.push(value);
                wheres.push(sql(&format!("${}", values.len())));
            };
            if let Some(org) = &filter.org {
                add(org_id(session, realm, org)?.into(), &|p| format!("k.org_id = {p}"));
            }
            if let Some(owner) = &filter.owner {
                add(owner.as_str().into(), &|p| format!("w.slug = {p}"));
            }
            if let Some(state) = filter.state.filter(|state| *state != State::Revoked) {
                add(now.into(), &|p| state_sql(state, p));
            }
            if let Some(text) = search {
                add(like(text).into(), &|p| {
                    let columns = ["k.name", "k.description", "k.key_id", "coalesce(s.first_12, '')"];
                    let tests = columns.map(|c| format!("lower({c}) LIKE {p} ESCAPE '\\'"));
                    format!("({})", tests.join(" OR "))
                });
            }
            if let Some(before) = before {
                add(before.into(), &|p| format!("k.id < {p}"));
            }
            let sql = format!("{COLUMNS} WHERE {} ORDER BY k.id DESC LIMIT {}", wheres.join(" AND "), limit + 1);
            let mut found = session.rows(&sql, &values, |row| read(row, now))?;
            let more = found.len() > limit;
            found.truncate(limit);
            found.iter_mut().try_for_each(|loaded| complete(session, loaded))?;
            let next = found.last().filter(|_| more).map(|last| write_cursor(last.row));
            Ok(Page { keys: found.into_iter().map(|loaded| loaded.key).collect(), next })
        })
    }
}

/// A pattern that finds `text` anywhere, whatever characters it holds.
fn like(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

fn write_cursor(row: u64) -> String {
    URL_SAFE_NO_PAD.encode(format!("k{row}"))
}

fn read_cursor(text: &str) -> Result<u64, Error> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let row = bytes.as_deref().and_then(|b| std::str::from_utf8(b).ok()).and_then(|t| t.strip_prefix('k')?.parse().ok());
    row.ok_or_else(|| Error::invalid("cursor", "is not one that a list returned; begin without a cursor"))
}
