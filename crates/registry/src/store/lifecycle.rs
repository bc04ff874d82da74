//! The migration that brought presets, owners' roles, the activity log, usage and alerts.

pub(super) const LIFECYCLE: &[&str] = &[
    "ALTER TABLE realms ADD COLUMN preset TEXT NOT NULL DEFAULT 'default'",
    // The end of the activity log's chain, so that a row missing there is noticed too.
    "ALTER TABLE realms ADD COLUMN activity_seq {int} NOT NULL DEFAULT 0",
    "ALTER TABLE realms ADD COLUMN activity_hash {blob}",
    // Settings are JSON; what queries need of them stands beside it. Orgs from before have the default preset.
    "ALTER TABLE orgs ADD COLUMN settings TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE orgs ADD COLUMN source_bearer {int} CHECK (source_bearer IN (0, 1))",
    "ALTER TABLE orgs ADD COLUMN source_x_api_key {int} CHECK (source_x_api_key IN (0, 1))",
    "ALTER TABLE orgs ADD COLUMN authority TEXT NOT NULL DEFAULT 'roles' CHECK (authority IN ('roles', 'owner', 'org'))",
    "ALTER TABLE orgs ADD COLUMN list_revoked {int} NOT NULL DEFAULT 1 CHECK (list_revoked IN (0, 1))",
    "ALTER TABLE orgs ADD COLUMN revision {int} NOT NULL DEFAULT 1",
    "ALTER TABLE owners ADD COLUMN revision {int} NOT NULL DEFAULT 1",
    "ALTER TABLE roles ADD COLUMN revision {int} NOT NULL DEFAULT 1",
    "CREATE TABLE owner_roles (
        owner_id {int} NOT NULL REFERENCES owners (id) ON DELETE CASCADE,
        role_id {int} NOT NULL REFERENCES roles (id),
        PRIMARY KEY (owner_id, role_id)
    ) {strict}",
    "CREATE INDEX owner_roles_role ON owner_roles (role_id)",
    "ALTER TABLE keys ADD COLUMN environment TEXT",
    // The name while it is this key's alone; null where names need not be unique.
    "ALTER TABLE keys ADD COLUMN held_name TEXT",
    "CREATE UNIQUE INDEX keys_held_name ON keys (org_id, held_name)",
    // 0 is never, which sorts last where the latest comes first.
    "ALTER TABLE keys ADD COLUMN last_used_at {int} NOT NULL DEFAULT 0 CHECK (last_used_at >= 0)",
    "ALTER TABLE keys ADD COLUMN last_used_ip TEXT",
    "ALTER TABLE keys ADD COLUMN uses {int} NOT NULL DEFAULT 0",
    "ALTER TABLE keys ADD COLUMN refusals {int} NOT NULL DEFAULT 0",
    // One index for each order of a list, so that a page costs what it shows.
    "CREATE INDEX keys_realm_name ON keys (realm_id, lower(name), id)",
    "CREATE INDEX keys_org_name ON keys (org_id, lower(name), id)",
    "CREATE INDEX keys_realm_expires ON keys (realm_id, coalesce(expires_at, 253402300800), id)",
    "CREATE INDEX keys_org_expires ON keys (org_id, coalesce(expires_at, 253402300800), id)",
    "CREATE INDEX keys_realm_used ON keys (realm_id, last_used_at, id)",
    "CREATE INDEX keys_org_used ON keys (org_id, last_used_at, id)",
    "CREATE TABLE idempotency (
        realm_id {int} NOT NULL REFERENCES realms (id),
        actor TEXT NOT NULL,
        token TEXT NOT NULL,
        request {blob} NOT NULL CHECK (length(request) = 32),
        key_id TEXT NOT NULL,
        created_at {int} NOT NULL,
        PRIMARY KEY (realm_id, actor, token)
    ) {strict}",
    "CREATE INDEX idempotency_age ON idempotency (created_at)",
    "CREATE TABLE activity (
        realm_id {int} NOT NULL REFERENCES realms (id),
        seq {int} NOT NULL CHECK (seq > 0),
        at {int} NOT NULL,
        actor TEXT NOT NULL,
        address TEXT,
        action TEXT NOT NULL,
        kind TEXT NOT NULL,
        target TEXT NOT NULL,
        org TEXT,
        was TEXT,
        became TEXT,
        hash {blob} NOT NULL CHECK (length(hash) = 32),
        PRIMARY KEY (realm_id, seq)
    ) {strict}",
    "CREATE INDEX activity_target ON activity (realm_id, target, seq)",
    "CREATE INDEX activity_org ON activity (realm_id, org, seq)",
    "{sqlite}CREATE TRIGGER activity_stays BEFORE UPDATE ON activity
        BEGIN SELECT RAISE(ABORT, 'the activity log is append-only'); END",
    "{sqlite}CREATE TRIGGER activity_remains BEFORE DELETE ON activity
        BEGIN SELECT RAISE(ABORT, 'the activity log is append-only'); END",
    "{postgres}CREATE FUNCTION activity_stays() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN RAISE EXCEPTION ''the activity log is append-only''; END'",
    "{postgres}CREATE TRIGGER activity_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON activity
        FOR EACH STATEMENT EXECUTE FUNCTION activity_stays()",
    // The log outlives the keys it is about, so it refers to them by their public id.
    "CREATE TABLE requests (
        id {id},
        realm_id {int} NOT NULL REFERENCES realms (id),
        org_id {int} NOT NULL,
        key_id TEXT NOT NULL,
        at {int} NOT NULL CHECK (at >= 0),
        method TEXT NOT NULL,
        endpoint TEXT NOT NULL,
        ip TEXT,
        country TEXT,
        status {int} NOT NULL,
        code TEXT NOT NULL,
        event TEXT
    ) {strict}",
    "CREATE INDEX requests_key ON requests (realm_id, key_id, at, id)",
    "CREATE INDEX requests_age ON requests (org_id, at)",
    "CREATE TABLE usage_batches (
        realm_id {int} NOT NULL REFERENCES realms (id),
        batch TEXT NOT NULL,
        at {int} NOT NULL,
        PRIMARY KEY (realm_id, batch)
    ) {strict}",
    "CREATE INDEX usage_batches_age ON usage_batches (at)",
    // Refusals in ten minutes each; slot 0 counts for ever. The subject is a key's id, or nothing where no key was found.
    "CREATE TABLE failures (
        realm_id {int} NOT NULL REFERENCES realms (id),
        slot {int} NOT NULL CHECK (slot >= 0),
        subject TEXT NOT NULL,
        code TEXT NOT NULL,
        number {int} NOT NULL,
        PRIMARY KEY (realm_id, slot, subject, code)
    ) {strict}",
    "CREATE INDEX failures_age ON failures (slot)",
    "CREATE TABLE alerts (
        id {id},
        realm_id {int} NOT NULL REFERENCES realms (id),
        body TEXT NOT NULL,
        created_at {int} NOT NULL,
        due_at {int},
        attempts {int} NOT NULL DEFAULT 0,
        delivered_at {int}
    ) {strict}",
    "CREATE INDEX alerts_due ON alerts (due_at)",
];

#[cfg(test)]
mod tests {
    use super::super::schema::{MIGRATIONS, SQLITE};
    use crate::{Caller, Env, Filter, NewKey, Registry};

    /// A registry as the version before this migration left it keeps its keys, and its orgs what they could do.
    #[test]
    fn a_registry_from_before_is_taken_along() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("registry.db");
        drop(Registry::create(&path, Env::system()).unwrap());
        std::fs::remove_file(&path).unwrap();
        let old = rusqlite::Connection::open(&path).unwrap();
        for statement in MIGRATIONS.iter().take(2).copied().flatten() {
            old.execute_batch(&SQLITE.render(statement).unwrap()).unwrap();
        }
        old.execute_batch(
            "PRAGMA application_id = 0x6564676c; PRAGMA user_version = 2;
             INSERT INTO realms (slug, name, prefix, source_bearer, source_x_api_key, created_at) VALUES ('acme', 'A', 'old', 1, 0, 1);
             INSERT INTO orgs (realm_id, slug, name, created_at) VALUES (1, 'one', 'One', 1);
             INSERT INTO owners (org_id, slug, kind, name, created_at) VALUES (1, 'alice', 'user', 'Alice', 1);
             INSERT INTO roles (realm_id, slug, name, predefined, created_at) VALUES (1, 'reader', 'Reader', 1, 1);
             INSERT INTO role_patterns VALUES (1, 'read');
             INSERT INTO keys (key_id, realm_id, org_id, owner_id, name, origin, scope_all, allow_mode, ip_order, created_at, updated_at)
                 VALUES ('key_00000000001', 1, 1, 1, 'ci', 'issued', 1, 'any', 'allow_first', 1, 1);
             INSERT INTO secrets (key_id, realm_id, digest, created_at)
                 VALUES (1, 1, x'0101010101010101010101010101010101010101010101010101010101010101', 1);",
        )
        .unwrap();
        drop(old);
        let registry = Registry::open(&path, Env::system()).unwrap();
        let realm = "acme".parse().unwrap();
        let sources = registry.realm(&realm).unwrap().sources;
        assert!(sources.bearer && !sources.x_api_key);
        let settings = registry.orgs(&realm).unwrap().remove(0).settings;
        assert_eq!((settings.prefix.as_str(), settings.sources()), ("old", sources));
        assert_eq!(registry.keys(&realm, &Filter::default()).unwrap().keys[0].name.as_str(), "ci");
        let new = NewKey::new("one".parse().unwrap(), "alice".parse().unwrap(), "new".parse().unwrap());
        let me = Caller::new("cli:tester".parse().unwrap());
        assert!(registry.create_key(&me, &realm, &new).unwrap().secret.starts_with("old_"));
        assert_eq!(registry.audit_verify(&realm, None).unwrap().seq, 1);
        assert_eq!(registry.snapshot(&realm, None).unwrap().keys.len(), 2);
    }
}
