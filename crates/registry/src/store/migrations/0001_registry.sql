-- Truths are 0 or 1, times are Unix seconds, and names are told apart by their bytes.

CREATE TABLE realms (
    id {id},
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    preset TEXT NOT NULL,
    -- What orgs of the realm's own preset begin with.
    prefix TEXT NOT NULL,
    source_bearer {int} NOT NULL CHECK (source_bearer IN (0, 1)),
    source_x_api_key {int} NOT NULL CHECK (source_x_api_key IN (0, 1)),
    imports {int} NOT NULL DEFAULT 0 CHECK (imports IN (0, 1)),
    -- Seconds that a head lives: every node that publishes the realm goes by the same.
    head_lifetime {int} NOT NULL DEFAULT 86400 CHECK (head_lifetime BETWEEN 60 AND 2592000),
    pepper_id {int} CHECK (pepper_id > 0),
    -- Steps in what a snapshot of the realm would show; the journal says what each has changed.
    changes {int} NOT NULL DEFAULT 0,
    -- The last number of each table of the directory: none is given twice. Role 1 is the one that keys have whose org gives them its
    -- whole authority; it has no row.
    last_role {int} NOT NULL DEFAULT 1,
    last_role_set {int} NOT NULL DEFAULT 0,
    last_scope {int} NOT NULL DEFAULT 0,
    last_policy {int} NOT NULL DEFAULT 0,
    last_epoch {int} NOT NULL DEFAULT 0 CHECK (last_epoch >= 0),
    -- Up to which epoch somebody has chosen how to go on where what was published is not of this registry, as after a restore.
    settled_epoch {int} NOT NULL DEFAULT 0 CHECK (settled_epoch >= 0),
    -- The step of `changes` that the next epoch shows at least: whoever was held up with an earlier one is given none.
    least_changes {int} NOT NULL DEFAULT 0 CHECK (least_changes >= 0),
    -- Whether it comes from a backup and has taken no epoch since: what is published may be newer.
    restored {int} NOT NULL DEFAULT 0 CHECK (restored IN (0, 1)),
    last_issued_at {int} NOT NULL DEFAULT 0 CHECK (last_issued_at >= 0),
    -- The last number of a published file, and the epoch that these show.
    last_file {int} NOT NULL DEFAULT 0 CHECK (last_file >= 0),
    shown_epoch {int} NOT NULL DEFAULT 0 CHECK (shown_epoch >= 0),
    -- Up to which of its keys it was told that nobody uses them: of those that were used once, by last use and row; of the others, by row.
    idle_at {int} NOT NULL DEFAULT 1,
    idle_row {int} NOT NULL DEFAULT 0,
    unused_row {int} NOT NULL DEFAULT 0,
    -- The end of the audit log's chain, so that a row missing there is noticed too.
    audit_seq {int} NOT NULL DEFAULT 0,
    audit_hash {blob},
    -- The last place in the log of requests.
    request_seq {int} NOT NULL DEFAULT 0,
    created_at {int} NOT NULL,
    revision {int} NOT NULL DEFAULT 1,
    -- A realm that was deleted is there for nobody. Its row stays with its audit log, and holds its name: none is given twice.
    deleted_at {int},
    -- Whether nothing else is left of it.
    emptied {int} NOT NULL DEFAULT 0 CHECK (emptied IN (0, 1))
) {strict};

-- Peppers that a realm has, by their ids: the secrets lie elsewhere. The one that is in use stands in the realm's row too.
CREATE TABLE peppers (
    realm_id {int} NOT NULL REFERENCES realms (id),
    pepper_id {int} NOT NULL CHECK (pepper_id > 0),
    created_at {int} NOT NULL,
    -- When a snapshot was to be made with it first.
    used_at {int},
    -- The step of the realm's change counter from which none is any more, and when the last head of one ends.
    left_step {int},
    needed_until {int},
    PRIMARY KEY (realm_id, pepper_id)
) {strict};

-- Settings are JSON; what queries need of them stands beside it.
CREATE TABLE orgs (
    id {id},
    realm_id {int} NOT NULL REFERENCES realms (id),
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    settings TEXT NOT NULL,
    source_bearer {int} NOT NULL CHECK (source_bearer IN (0, 1)),
    source_x_api_key {int} NOT NULL CHECK (source_x_api_key IN (0, 1)),
    authority TEXT NOT NULL CHECK (authority IN ('roles', 'owner', 'org')),
    list_revoked {int} NOT NULL CHECK (list_revoked IN (0, 1)),
    created_at {int} NOT NULL,
    revision {int} NOT NULL DEFAULT 1,
    UNIQUE (realm_id, slug),
    UNIQUE (id, realm_id)
) {strict};

-- Edges of a realm look in the headers of all its orgs: whether one of them has a header is found without reading them all.
CREATE INDEX orgs_bearer ON orgs (realm_id, source_bearer);
CREATE INDEX orgs_x_api_key ON orgs (realm_id, source_x_api_key);

CREATE TABLE owners (
    id {id},
    org_id {int} NOT NULL REFERENCES orgs (id),
    slug TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('user', 'service')),
    name TEXT NOT NULL,
    disabled {int} NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    created_at {int} NOT NULL,
    revision {int} NOT NULL DEFAULT 1,
    UNIQUE (org_id, slug),
    UNIQUE (id, org_id)
) {strict};

-- A role without an org holds in the whole realm.
CREATE TABLE roles (
    id {id},
    realm_id {int} NOT NULL REFERENCES realms (id),
    org_id {int},
    slug TEXT NOT NULL,
    -- By which role sets refer to it, in this database and in snapshots.
    number {int} NOT NULL,
    name TEXT NOT NULL,
    predefined {int} NOT NULL CHECK (predefined IN (0, 1)),
    created_at {int} NOT NULL,
    revision {int} NOT NULL DEFAULT 1,
    FOREIGN KEY (org_id, realm_id) REFERENCES orgs (id, realm_id)
) {strict};

CREATE UNIQUE INDEX roles_number ON roles (realm_id, number);
CREATE INDEX roles_named ON roles (realm_id, slug);
CREATE UNIQUE INDEX roles_slug ON roles (realm_id, coalesce(org_id, 0), slug);

CREATE TABLE role_patterns (
    role_id {int} NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    pattern TEXT NOT NULL,
    PRIMARY KEY (role_id, pattern)
) {strict};

CREATE TABLE owner_roles (
    owner_id {int} NOT NULL REFERENCES owners (id) ON DELETE CASCADE,
    role_id {int} NOT NULL REFERENCES roles (id),
    PRIMARY KEY (owner_id, role_id)
) {strict};

CREATE INDEX owner_roles_role ON owner_roles (role_id);

-- Imports that are under way or were broken off are pending; what they have written so far is not there for anybody (the view `keys`).
-- A row stays when its import is done, so that no later one has its number.
CREATE TABLE imports (
    id {id},
    realm_id {int} NOT NULL REFERENCES realms (id),
    pending {int} NOT NULL DEFAULT 1 CHECK (pending IN (0, 1)),
    broken {int} NOT NULL DEFAULT 0 CHECK (broken IN (0, 1)),
    begun_at {int} NOT NULL,
    -- Whoever imports says again and again that it is at work; after this time it is taken for dead.
    lease_until {int} NOT NULL
) {strict};

CREATE INDEX imports_pending ON imports (pending);

-- Imports that go on while nobody waits for them: how far each has come, and how it ended. One of those above is what has been written by one.
CREATE TABLE import_jobs (
    id {id},
    import TEXT NOT NULL UNIQUE,
    realm_id {int} NOT NULL REFERENCES realms (id),
    -- The org that whoever began it is confined to.
    org TEXT,
    actor TEXT NOT NULL,
    dry_run {int} NOT NULL CHECK (dry_run IN (0, 1)),
    begun_at {int} NOT NULL,
    -- As above.
    lease_until {int} NOT NULL,
    ended_at {int},
    done {int} NOT NULL DEFAULT 0 CHECK (done IN (0, 1)),
    bytes {int} NOT NULL,
    read_bytes {int} NOT NULL DEFAULT 0,
    lines {int} NOT NULL DEFAULT 0,
    keys {int} NOT NULL DEFAULT 0,
    refused {int} NOT NULL DEFAULT 0,
    -- The first lines that were refused, as JSON.
    refusals TEXT,
    -- Why it failed, if not for its lines.
    code TEXT,
    detail TEXT
) {strict};

CREATE INDEX import_jobs_realm ON import_jobs (realm_id, id);

-- Every key, and those of pending imports. The composite references keep a key's org, owner and realm together whatever the program does.
CREATE TABLE key_rows (
    id {id},
    key_id TEXT NOT NULL UNIQUE,
    -- The import that brought it; 0 for none.
    import_id {int} NOT NULL DEFAULT 0,
    realm_id {int} NOT NULL,
    org_id {int} NOT NULL,
    owner_id {int} NOT NULL,
    name TEXT NOT NULL,
    -- What names share that look alike, in any case and as they are written.
    skeleton TEXT NOT NULL,
    look TEXT NOT NULL,
    -- The same while no other key of the org may have such a name; null once it is free, or where names need not be unique.
    held_name TEXT,
    held_look TEXT,
    description TEXT NOT NULL DEFAULT '',
    -- Name and description without regard to case, for searches.
    folded TEXT NOT NULL,
    origin TEXT NOT NULL CHECK (origin IN ('issued', 'imported')),
    -- Numbers of what the key's records refer to in the directory: the roles that follow from the org's authority, its scope, its
    -- IP policy; 0 for none, all, none.
    role_set {int} NOT NULL,
    scope {int} NOT NULL,
    policy {int} NOT NULL,
    scope_all {int} NOT NULL CHECK (scope_all IN (0, 1)),
    allow_mode TEXT NOT NULL CHECK (allow_mode IN ('any', 'list')),
    ip_order TEXT NOT NULL CHECK (ip_order IN ('allow_first', 'deny_first')),
    not_before {int} CHECK (not_before >= 0),
    expires_at {int} CHECK (expires_at >= 0),
    metadata TEXT NOT NULL DEFAULT '',
    environment TEXT,
    -- 0 is never, which sorts last where the latest comes first.
    last_used_at {int} NOT NULL DEFAULT 0 CHECK (last_used_at >= 0),
    last_used_ip TEXT,
    uses {int} NOT NULL DEFAULT 0,
    refusals {int} NOT NULL DEFAULT 0,
    -- When administrators were last told that the key should be rotated.
    reminded_at {int} NOT NULL DEFAULT 0,
    -- When it is to be told next that the key expires.
    notice_at {int},
    -- When its newest secret was made.
    rotated_at {int} NOT NULL,
    created_at {int} NOT NULL,
    created_by TEXT NOT NULL,
    updated_at {int} NOT NULL,
    updated_by TEXT NOT NULL,
    revoked_at {int},
    revision {int} NOT NULL DEFAULT 1,
    CHECK (not_before < expires_at),
    FOREIGN KEY (org_id, realm_id) REFERENCES orgs (id, realm_id),
    FOREIGN KEY (owner_id, org_id) REFERENCES owners (id, org_id)
) {strict};

CREATE INDEX keys_notice ON key_rows (realm_id, notice_at) WHERE notice_at IS NOT NULL;

CREATE UNIQUE INDEX keys_held_name ON key_rows (org_id, held_name);
CREATE UNIQUE INDEX keys_held_look ON key_rows (org_id, held_look);

-- One index for each order of a list, so that a page costs what it shows.
CREATE INDEX keys_realm ON key_rows (realm_id, id);
CREATE INDEX keys_org ON key_rows (org_id, id);
CREATE INDEX keys_owner ON key_rows (owner_id, id);
CREATE INDEX keys_realm_created ON key_rows (realm_id, created_at, id);
CREATE INDEX keys_org_created ON key_rows (org_id, created_at, id);
CREATE INDEX keys_realm_name ON key_rows (realm_id, lower(name), id) {with name};
CREATE INDEX keys_org_name ON key_rows (org_id, lower(name), id) {with name};
CREATE INDEX keys_realm_expires ON key_rows (realm_id, coalesce(expires_at, 253402300800), id) {with expires_at};
CREATE INDEX keys_org_expires ON key_rows (org_id, coalesce(expires_at, 253402300800), id) {with expires_at};
CREATE INDEX keys_realm_used ON key_rows (realm_id, last_used_at, id);
CREATE INDEX keys_org_used ON key_rows (org_id, last_used_at, id);

-- Where few keys are revoked, a list of them would look at all the others.
CREATE INDEX keys_realm_revoked ON key_rows (realm_id, id) WHERE revoked_at IS NOT NULL;
CREATE INDEX keys_org_revoked ON key_rows (org_id, id) WHERE revoked_at IS NOT NULL;

-- What else lists are asked for of which there may be few.
CREATE INDEX keys_realm_starts ON key_rows (realm_id, not_before) WHERE not_before IS NOT NULL;
CREATE INDEX keys_org_starts ON key_rows (org_id, not_before) WHERE not_before IS NOT NULL;
CREATE INDEX keys_rotation ON key_rows (org_id, environment, rotated_at) WHERE environment IS NOT NULL;

-- What an import must be found by that is undone, or told of when it is done.
CREATE INDEX key_rows_import ON key_rows (import_id, id) WHERE import_id > 0;

-- The keys that are there: whatever is read of keys is read here. Rows of pending imports count only where something must stay free, or
-- referred to, for them.
CREATE VIEW keys AS
SELECT * FROM key_rows WHERE import_id NOT IN (SELECT id FROM imports WHERE pending = 1);

-- A table of its own, so that a rotated key can have two for a while; `realm_id` repeats for the uniqueness below.
CREATE TABLE secrets (
    id {id},
    key_id {int} NOT NULL REFERENCES key_rows (id) ON DELETE CASCADE,
    realm_id {int} NOT NULL REFERENCES realms (id),
    digest {blob} NOT NULL CHECK (length(digest) = 32),
    first_12 TEXT,
    masked TEXT,
    created_at {int} NOT NULL,
    expires_at {int} CHECK (expires_at >= 0),
    -- When somebody reported that it stands where everybody can read it.
    leaked_at {int}
) {strict};

CREATE INDEX secrets_key ON secrets (key_id, id);

-- By which issued keys are searched for.
CREATE INDEX secrets_first ON secrets (realm_id, first_12) WHERE first_12 IS NOT NULL;

-- A snapshot holds the leftmost 16 bytes: two keys alike in them could not be published.
CREATE UNIQUE INDEX secrets_digest ON secrets (realm_id, substr(digest, 1, 16));

CREATE TABLE key_roles (
    key_id {int} NOT NULL REFERENCES key_rows (id) ON DELETE CASCADE,
    role_id {int} NOT NULL REFERENCES roles (id),
    PRIMARY KEY (key_id, role_id)
) {strict};

CREATE INDEX key_roles_role ON key_roles (role_id);

-- What people sort keys by. The same word in another case is the same tag.
CREATE TABLE key_tags (
    key_id {int} NOT NULL REFERENCES key_rows (id) ON DELETE CASCADE,
    folded TEXT NOT NULL,
    tag TEXT NOT NULL,
    PRIMARY KEY (key_id, folded)
) {strict};

-- What keys are found by: for each term the rows of `key_rows` that have it, in blocks of 4,096, as bits or as a list. Rows may stand there
-- that have the term no more, or are gone.
CREATE TABLE key_terms (
    realm_id {int} NOT NULL REFERENCES realms (id) ON DELETE CASCADE,
    term TEXT NOT NULL,
    block {int} NOT NULL,
    key_rows {blob} NOT NULL,
    PRIMARY KEY (realm_id, term, block)
) {clustered};

-- How many keys of an org are there, and how many of them are revoked. An org without any may have no row.
CREATE TABLE key_counts (
    org_id {int} NOT NULL PRIMARY KEY REFERENCES orgs (id) ON DELETE CASCADE,
    realm_id {int} NOT NULL REFERENCES realms (id),
    live {int} NOT NULL CHECK (live >= 0),
    revoked {int} NOT NULL CHECK (revoked >= 0)
) {strict};

CREATE INDEX key_counts_realm ON key_counts (realm_id);

CREATE TABLE key_services (
    key_id {int} NOT NULL REFERENCES key_rows (id) ON DELETE CASCADE,
    service TEXT NOT NULL,
    PRIMARY KEY (key_id, service)
) {strict};

-- The realm's directory, as the next snapshot will hold it: each entry under its number, as the bytes that are in a chunk. An entry
-- is there while it has users: a role set, scope or policy has the orgs that need it, a role the role sets that it is in. The digest
-- is that of the content, by which the same one is found again; roles are found by number only.
CREATE TABLE directory_entries (
    realm_id {int} NOT NULL REFERENCES realms (id),
    kind TEXT NOT NULL CHECK (kind IN ('roles', 'role_sets', 'scopes', 'policies')),
    number {int} NOT NULL CHECK (number > 0),
    digest {blob} CHECK (length(digest) = 32),
    content {blob} NOT NULL,
    users {int} NOT NULL CHECK (users > 0),
    -- The import that alone has needed it so far; 0 for none.
    import_id {int} NOT NULL DEFAULT 0,
    PRIMARY KEY (realm_id, kind, number),
    CHECK ((digest IS NULL) = (kind = 'roles'))
) {strict};

CREATE UNIQUE INDEX directory_entries_digest ON directory_entries (realm_id, kind, digest);
CREATE INDEX directory_entries_import ON directory_entries (import_id) WHERE import_id > 0;

-- The entries that a snapshot has: all but those that only a pending import needs.
CREATE VIEW directory AS
SELECT * FROM directory_entries WHERE import_id NOT IN (SELECT id FROM imports WHERE pending = 1);

-- How many keys of an org need an entry.
CREATE TABLE directory_uses (
    realm_id {int} NOT NULL REFERENCES realms (id),
    org_id {int} NOT NULL,
    kind TEXT NOT NULL,
    number {int} NOT NULL,
    users {int} NOT NULL CHECK (users > 0),
    PRIMARY KEY (realm_id, org_id, kind, number)
) {strict};

-- How many entries of each kind an org needs, or the whole realm (org 0), their bytes together, and for the realm the chunks that they
-- lie in.
CREATE TABLE directory_sizes (
    realm_id {int} NOT NULL REFERENCES realms (id),
    org_id {int} NOT NULL,
    kind TEXT NOT NULL,
    entries {int} NOT NULL CHECK (entries >= 0),
    bytes {int} NOT NULL CHECK (bytes >= 0),
    chunks {int} NOT NULL CHECK (chunks >= 0),
    PRIMARY KEY (realm_id, org_id, kind)
) {strict};

-- Bytes that records take of the realm's tree, at most: those of the whole realm (org 0) by the first byte of their digests, those of an org by the
-- first four bits, and of each all together (256).
CREATE TABLE record_sizes (
    realm_id {int} NOT NULL REFERENCES realms (id),
    org_id {int} NOT NULL,
    lead {int} NOT NULL,
    bytes {int} NOT NULL,
    PRIMARY KEY (realm_id, org_id, lead)
) {strict};

-- What a snapshot must make anew that shows this step of the realm's change counter and not the one before: keys, or all keys of an
-- owner or org, by their rows; entries of the directory by their numbers; digests that are gone; the settings; or everything.
CREATE TABLE journal (
    realm_id {int} NOT NULL REFERENCES realms (id),
    changes {int} NOT NULL CHECK (changes > 0),
    kind TEXT NOT NULL,
    number {int} NOT NULL,
    digest {blob}
) {strict};

CREATE INDEX journal_changes ON journal (realm_id, changes);

CREATE TABLE key_ips (
    key_id {int} NOT NULL REFERENCES key_rows (id) ON DELETE CASCADE,
    list TEXT NOT NULL CHECK (list IN ('allow', 'deny')),
    position {int} NOT NULL,
    cidr TEXT NOT NULL,
    enabled {int} NOT NULL CHECK (enabled IN (0, 1)),
    note TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (key_id, list, cidr)
) {strict};

-- Requests that made a secret, so that the same one again makes none.
CREATE TABLE idempotency (
    realm_id {int} NOT NULL REFERENCES realms (id),
    actor TEXT NOT NULL,
    token TEXT NOT NULL,
    request {blob} NOT NULL CHECK (length(request) = 32),
    key_id TEXT NOT NULL,
    created_at {int} NOT NULL,
    PRIMARY KEY (realm_id, actor, token)
) {strict};

CREATE INDEX idempotency_age ON idempotency (created_at);

CREATE TABLE audit_log (
    realm_id {int} NOT NULL REFERENCES realms (id),
    seq {int} NOT NULL CHECK (seq > 0),
    at {int} NOT NULL,
    actor TEXT NOT NULL,
    address TEXT,
    action TEXT NOT NULL,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    org TEXT,
    before TEXT,
    after TEXT,
    hash {blob} NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (realm_id, seq)
) {strict};

CREATE INDEX audit_log_target ON audit_log (realm_id, target, seq);
CREATE INDEX audit_log_org ON audit_log (realm_id, org, seq);

{sqlite}
CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

{sqlite}
CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

{sqlite}
-- `INSERT OR REPLACE` deletes what it replaces, and SQLite asks no trigger about that.
CREATE TRIGGER audit_log_no_replace BEFORE INSERT ON audit_log
WHEN EXISTS (SELECT 1 FROM audit_log WHERE realm_id = NEW.realm_id AND seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

{postgres}
CREATE FUNCTION audit_log_no_change() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN RAISE EXCEPTION ''the audit log is append-only''; END';
CREATE TRIGGER audit_log_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
FOR EACH STATEMENT EXECUTE FUNCTION audit_log_no_change();

-- This log outlives the keys it is about, so it refers to them by their public ids.
CREATE TABLE requests (
    realm_id {int} NOT NULL REFERENCES realms (id),
    -- Its place in the realm's log, which is given once.
    seq {int} NOT NULL CHECK (seq > 0),
    org_id {int} NOT NULL,
    key_id TEXT NOT NULL,
    at {int} NOT NULL CHECK (at >= 0),
    method TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    ip TEXT,
    country TEXT,
    status {int} NOT NULL,
    code TEXT NOT NULL,
    event TEXT,
    PRIMARY KEY (realm_id, seq)
) {strict};

CREATE INDEX requests_key ON requests (realm_id, key_id, at, seq);
CREATE INDEX requests_age ON requests (org_id, at);

CREATE TABLE usage_batches (
    realm_id {int} NOT NULL REFERENCES realms (id),
    batch TEXT NOT NULL,
    at {int} NOT NULL,
    PRIMARY KEY (realm_id, batch)
) {strict};

CREATE INDEX usage_batches_age ON usage_batches (at);

-- Requests of each hour and each day: of a key by its public id, of an org by `org:` and its row, of the realm by nothing.
CREATE TABLE usage_buckets (
    realm_id {int} NOT NULL REFERENCES realms (id),
    span TEXT NOT NULL CHECK (span IN ('hour', 'day')),
    subject TEXT NOT NULL,
    at {int} NOT NULL,
    accepted {int} NOT NULL,
    refused {int} NOT NULL,
    PRIMARY KEY (realm_id, span, subject, at)
) {strict};

CREATE INDEX usage_buckets_age ON usage_buckets (span, at);

-- Countries and networks that keys were used from.
CREATE TABLE key_places (
    key_id {int} NOT NULL REFERENCES key_rows (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('country', 'network')),
    place TEXT NOT NULL,
    seen_at {int} NOT NULL,
    PRIMARY KEY (key_id, kind, place)
) {strict};

CREATE INDEX key_places_age ON key_places (seen_at);

-- How often each verdict was given since the realm began.
CREATE TABLE verdict_totals (
    realm_id {int} NOT NULL REFERENCES realms (id),
    code TEXT NOT NULL,
    number {int} NOT NULL,
    PRIMARY KEY (realm_id, code)
) {strict};

-- Refusals in each window of ten minutes. The subject is a key's public id, or nothing where no key was found.
CREATE TABLE failures (
    realm_id {int} NOT NULL REFERENCES realms (id),
    slot {int} NOT NULL CHECK (slot > 0),
    subject TEXT NOT NULL,
    code TEXT NOT NULL,
    number {int} NOT NULL,
    PRIMARY KEY (realm_id, slot, subject, code)
) {strict};

CREATE INDEX failures_age ON failures (slot);

-- What is told over the webhook: to be delivered while `due_at` is there, given up where neither time is. It outlives what it is about, so it
-- refers to that by name. The row's number is only the order; the id is drawn, and never given again.
CREATE TABLE events (
    id {id},
    realm_id {int} NOT NULL REFERENCES realms (id),
    event TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    org TEXT,
    key_id TEXT,
    body TEXT NOT NULL,
    created_at {int} NOT NULL,
    due_at {int},
    -- Whether it waits for alerts: acts on a hundred thousand keys would hold one up for days.
    patient {int} NOT NULL CHECK (patient IN (0, 1)),
    attempts {int} NOT NULL DEFAULT 0,
    delivered_at {int},
    last_error TEXT
) {strict};

CREATE INDEX events_realm ON events (realm_id, id);
CREATE INDEX events_org ON events (realm_id, org, id);
CREATE INDEX events_due ON events (patient, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX events_age ON events (created_at);

-- Of few among many, such as those that failed, a list would look at all the others.
CREATE INDEX events_failed ON events (realm_id, id) WHERE due_at IS NULL AND delivered_at IS NULL;

-- Edges that have reported, each as it said last. It is live until the time that stands there, by our clock, as all times here but
-- `clock`, which is the edge's own, and `issued_at`, which its head says.
CREATE TABLE edges (
    realm_id {int} NOT NULL REFERENCES realms (id),
    edge TEXT NOT NULL,
    name TEXT NOT NULL,
    report {int} NOT NULL CHECK (report > 0),
    epoch {int} NOT NULL CHECK (epoch >= 0),
    issued_at {int} NOT NULL CHECK (issued_at >= 0),
    root_version {int} NOT NULL,
    since {int} NOT NULL CHECK (since >= 0),
    clock {int} NOT NULL CHECK (clock >= 0),
    mode TEXT NOT NULL,
    sdk TEXT NOT NULL,
    first_at {int} NOT NULL,
    seen_at {int} NOT NULL,
    live_until {int} NOT NULL,
    PRIMARY KEY (realm_id, edge)
) {strict};

CREATE INDEX edges_live ON edges (realm_id, live_until);
CREATE INDEX edges_age ON edges (seen_at);

CREATE TABLE roots (
    realm_id {int} NOT NULL REFERENCES realms (id),
    version {int} NOT NULL CHECK (version > 0),
    object {blob} NOT NULL,
    created_at {int} NOT NULL,
    PRIMARY KEY (realm_id, version)
) {strict};

-- The ledger: a row is committed before anything is signed, so no epoch is ever signed twice.
CREATE TABLE epochs (
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
) {strict};

-- Processes at work, each until it says so again. Times are the database's own, in milliseconds.
CREATE TABLE nodes (
    process TEXT NOT NULL,
    name TEXT NOT NULL,
    expires_at {int} NOT NULL CHECK (expires_at >= 0),
    PRIMARY KEY (process)
) {strict};

-- Which process publishes a realm, as long as it is at work.
CREATE TABLE leases (
    realm_id {int} NOT NULL PRIMARY KEY REFERENCES realms (id),
    process TEXT NOT NULL,
    fence {int} NOT NULL CHECK (fence > 0)
) {strict};

-- Who is signed in to the console: the digest of what a browser's cookie holds, the management key that it signed in with, and what opens that
-- key's secret, which lies sealed in the cookie and nowhere else. Neither the row alone nor the cookie alone leads to it.
CREATE TABLE console_sessions (
    digest {blob} NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    key_id TEXT NOT NULL,
    opener {blob} NOT NULL CHECK (length(opener) = 32),
    begun_at {int} NOT NULL CHECK (begun_at >= 0),
    seen_at {int} NOT NULL CHECK (seen_at >= 0)
) {strict};

CREATE INDEX console_sessions_key ON console_sessions (key_id, begun_at);
CREATE INDEX console_sessions_age ON console_sessions (seen_at);

-- People: who was invited where, by whom, and who came. What somebody may do is what the key says that the invitation made, whose secret nobody has until
-- its link is used; of the link there is a digest. What it may give while it is open is bounded by what its inviter may give: `by_key` is the inviter's
-- key, or the one that they were invited with where they had signed in at a provider; `by_owner` is their owner then, and where there is no key what a
-- rule of the operator has given them (`person_grants`). Neither stands there for somebody who acted on the machine itself. Whoever a provider knows
-- may have been invited to several places.
CREATE TABLE people (
    owner_id {int} NOT NULL PRIMARY KEY REFERENCES owners (id) ON DELETE CASCADE,
    key_id TEXT NOT NULL UNIQUE,
    realm_id {int} NOT NULL REFERENCES realms (id),
    org_id {int},
    email TEXT,
    invited_by TEXT NOT NULL,
    by_key TEXT,
    by_owner {int},
    invited_at {int} NOT NULL,
    link {blob} UNIQUE CHECK (length(link) = 32),
    link_until {int} NOT NULL,
    accepted_at {int},
    issuer TEXT,
    subject TEXT,
    signed_in_at {int},
    FOREIGN KEY (org_id, realm_id) REFERENCES orgs (id, realm_id)
) {strict};

CREATE INDEX people_email ON people (email, invited_at) WHERE link IS NOT NULL;
CREATE INDEX people_known ON people (issuer, subject);
CREATE INDEX people_place ON people (realm_id, org_id);

-- What a rule of the operator gave somebody at their last sign-in at an identity provider, as JSON, and the rule, as it is written.
CREATE TABLE person_grants (
    owner_id {int} NOT NULL PRIMARY KEY REFERENCES owners (id) ON DELETE CASCADE,
    issuer TEXT NOT NULL,
    rule TEXT NOT NULL,
    gives TEXT NOT NULL,
    granted_at {int} NOT NULL
) {strict};

-- What is published, for nodes that copy it. Files of a realm are numbered as they are written, each epoch's head last.
CREATE TABLE published_files (
    realm_id {int} NOT NULL REFERENCES realms (id),
    name TEXT NOT NULL,
    seq {int} NOT NULL CHECK (seq > 0),
    bytes {blob} NOT NULL,
    PRIMARY KEY (realm_id, name),
    UNIQUE (realm_id, seq)
) {strict};

{postgres}
-- Digests and numbers do not shrink.
ALTER TABLE published_files ALTER COLUMN bytes SET STORAGE EXTERNAL;
