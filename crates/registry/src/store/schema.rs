//! The schema and its history. A migration that was released is never edited; the next one follows it.
//!
//! Written once for both dialects: `{id}`, `{int}`, `{blob}` and `{strict}` stand for what differs.

/// Each migration is a list of statements, run in one transaction; the schema's version is how many have run.
pub(super) const MIGRATIONS: &[&[&str]] = &[&[
    "CREATE TABLE realms (
        id {id},
        slug TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        prefix TEXT NOT NULL,
        source_bearer {int} NOT NULL CHECK (source_bearer IN (0, 1)),
        source_x_api_key {int} NOT NULL CHECK (source_x_api_key IN (0, 1)),
        imports {int} NOT NULL DEFAULT 0 CHECK (imports IN (0, 1)),
        pepper_id {int} CHECK (pepper_id > 0),
        changes {int} NOT NULL DEFAULT 0,
        last_epoch {int} NOT NULL DEFAULT 0 CHECK (last_epoch >= 0),
        last_issued_at {int} NOT NULL DEFAULT 0 CHECK (last_issued_at >= 0),
        created_at {int} NOT NULL
    ) {strict}",
    "CREATE TABLE orgs (
        id {id},
        realm_id {int} NOT NULL REFERENCES realms (id),
        slug TEXT NOT NULL,
        name TEXT NOT NULL,
        created_at {int} NOT NULL,
        UNIQUE (realm_id, slug),
        UNIQUE (id, realm_id)
    ) {strict}",
    "CREATE TABLE owners (
        id {id},
        org_id {int} NOT NULL REFERENCES orgs (id),
        slug TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('user', 'service')),
        name TEXT NOT NULL,
        disabled {int} NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
        created_at {int} NOT NULL,
        UNIQUE (org_id, slug),
        UNIQUE (id, org_id)
    ) {strict}",
    // A role without an org holds in the whole realm.
    "CREATE TABLE roles (
        id {id},
        realm_id {int} NOT NULL REFERENCES realms (id),
        org_id {int},
        slug TEXT NOT NULL,
        name TEXT NOT NULL,
        predefined {int} NOT NULL DEFAULT 0 CHECK (predefined IN (0, 1)),
        created_at {int} NOT NULL,
        FOREIGN KEY (org_id, realm_id) REFERENCES orgs (id, realm_id)
    ) {strict}",
    "CREATE UNIQUE INDEX roles_slug ON roles (realm_id, coalesce(org_id, 0), slug)",
    "CREATE TABLE role_patterns (
        role_id {int} NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
        pattern TEXT NOT NULL,
        PRIMARY KEY (role_id, pattern)
    ) {strict}",
    // The composite references keep a key's org, owner and realm together whatever the program does.
    "CREATE TABLE keys (
        id {id},
        key_id TEXT NOT NULL UNIQUE,
        realm_id {int} NOT NULL,
        org_id {int} NOT NULL,
        owner_id {int} NOT NULL,
        name TEXT NOT NULL,
        description TEXT NOT NULL DEFAULT '',
        origin TEXT NOT NULL CHECK (origin IN ('issued', 'imported')),
        scope_all {int} NOT NULL CHECK (scope_all IN (0, 1)),
        allow_mode TEXT NOT NULL CHECK (allow_mode IN ('any', 'list')),
        ip_order TEXT NOT NULL CHECK (ip_order IN ('allow_first', 'deny_first')),
        not_before {int} CHECK (not_before >= 0),
        expires_at {int} CHECK (expires_at >= 0),
        metadata TEXT NOT NULL DEFAULT '',
        created_at {int} NOT NULL,
        updated_at {int} NOT NULL,
        revoked_at {int},
        revision {int} NOT NULL DEFAULT 1,
        CHECK (not_before < expires_at),
        FOREIGN KEY (org_id, realm_id) REFERENCES orgs (id, realm_id),
        FOREIGN KEY (owner_id, org_id) REFERENCES owners (id, org_id)
    ) {strict}",
    "CREATE INDEX keys_realm ON keys (realm_id, id)",
    "CREATE INDEX keys_org ON keys (org_id, id)",
    "CREATE INDEX keys_owner ON keys (owner_id, id)",
    // A table of its own, so that a rotated key can have two for a while; `realm_id` repeats for the uniqueness below.
    "CREATE TABLE secrets (
        id {id},
        key_id {int} NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
        realm_id {int} NOT NULL REFERENCES realms (id),
        digest {blob} NOT NULL CHECK (length(digest) = 32),
        first_12 TEXT,
        masked TEXT,
        created_at {int} NOT NULL,
        expires_at {int} CHECK (expires_at >= 0)
    ) {strict}",
    "CREATE INDEX secrets_key ON secrets (key_id, id)",
    // A snapshot holds the leftmost 16 bytes: two keys alike in them could not be published.
    "CREATE UNIQUE INDEX secrets_digest ON secrets (realm_id, substr(digest, 1, 16))",
    "CREATE TABLE key_roles (
        key_id {int} NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
        role_id {int} NOT NULL REFERENCES roles (id),
        PRIMARY KEY (key_id, role_id)
    ) {strict}",
    "CREATE INDEX key_roles_role ON key_roles (role_id)",
    "CREATE TABLE key_services (
        key_id {int} NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
        service TEXT NOT NULL,
        PRIMARY KEY (key_id, service)
    ) {strict}",
    "CREATE TABLE key_ips (
        key_id {int} NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
        list TEXT NOT NULL CHECK (list IN ('allow', 'deny')),
        position {int} NOT NULL,
        cidr TEXT NOT NULL,
        enabled {int} NOT NULL CHECK (enabled IN (0, 1)),
        note TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (key_id, list, cidr)
    ) {strict}",
    "CREATE TABLE roots (
        realm_id {int} NOT NULL REFERENCES realms (id),
        version {int} NOT NULL CHECK (version > 0),
        object {blob} NOT NULL,
        created_at {int} NOT NULL,
        PRIMARY KEY (realm_id, version)
    ) {strict}",
    // The ledger of epochs: a row is committed before anything is signed, so no epoch is ever signed twice.
    "CREATE TABLE epochs (
        realm_id {int} NOT NULL REFERENCES realms (id),
        epoch {int} NOT NULL CHECK (epoch > 0),
        tree {blob} NOT NULL CHECK (length(tree) = 32),
        records {int} NOT NULL,
        changes {int} NOT NULL,
        root_version {int} NOT NULL,
        issued_at {int} NOT NULL,
        not_after {int} NOT NULL,
        published_at {int},
        PRIMARY KEY (realm_id, epoch)
    ) {strict}",
]];
