// One sound call of each operation, in an order in which each finds what it needs; and unsound ones with a secret in each place.

const at = (path) => (known) => `/realms/acme${path.replace(/\{(\w+)\}/g, (_, name) => known[name])}`;
const post = (operation, path, body, more) => ({ operation, method: "POST", path: at(path), body, ...more });
const get = (operation, path, more) => ({ operation, path: at(path), ...more });

/** A report of a leaked secret, as GitHub's secret scanning sends it. */
const leak = (known) => JSON.stringify([{ token: known.secret, type: "acme_key", source: "content", url: `https://example.com/?${known.secret}` }]);

/**
 * Sound calls; `keep` notes what later ones need. What depends on that is a function. `known` holds the digest to import, and how to sign a
 * report. `own`: the text whose digest the answer repeats, to whoever sent the text.
 */
export const calls = (known) => [
  { operation: "getDocument", path: "/openapi.json" },
  { operation: "whoAmI", path: "/whoami" },
  { operation: "listRealms", path: "/realms" },
  { operation: "createRealm", method: "POST", path: "/realms", body: { realm: "spare", name: "Spare", preset: "valar" } },
  { operation: "editRealm", method: "PATCH", path: "/realms/spare", body: { name: "To be deleted" } },
  { operation: "deleteRealm", method: "DELETE", path: "/realms/spare?confirm=spare" },
  get("getRealm", ""),
  post("createOrg", "/orgs", { org: "one", name: "One" }),
  get("listOrgs", "/orgs"),
  get("getOrg", "/orgs/one"),
  { operation: "editOrg", method: "PATCH", path: at("/orgs/one"), body: { settings: { max_keys: 50, deletion: "immediate" } } },
  post("createOwner", "/owners", { org: "one", owner: "alice", kind: "user", name: "Alice", roles: [] }),
  get("listOwners", "/owners?org=one"),
  get("getOwner", "/orgs/one/owners/alice"),
  { operation: "editOwner", method: "PATCH", path: at("/orgs/one/owners/alice"), body: { name: "Alice B." } },
  post("invitePerson", "/people", { org: "one", name: "Jo", email: "jo@example.com", roles: ["viewer"], expires_at: "3d" }, {
    keep: (json, known) => Object.assign(known, { person: json.person.person, link: json.link }),
  }),
  get("listPeople", "/people?org=one"),
  get("getPerson", "/people/{person}"),
  { operation: "editPerson", method: "PATCH", path: at("/people/{person}"), body: { roles: ["auditor"] } },
  post("renewInvitation", "/people/{person}/link", { expires_at: "1d" }, { keep: (json, known) => (known.link = json.link) }),
  { operation: "acceptInvitation", method: "POST", path: "/people/accept", body: (known) => ({ link: known.link }) },
  { operation: "removePerson", method: "DELETE", path: at("/people/{person}") },
  post("createRole", "/roles", { role: "purger", name: "Purger", permissions: ["cache.purge"] }),
  get("listRoles", "/roles"),
  get("getRole", "/roles/purger"),
  { operation: "editRole", method: "PATCH", path: at("/roles/purger"), body: { permissions: ["cache.purge", "cache.view"] } },
  post("createKey", "/keys", { org: "one", owner: "alice", name: "ci", roles: ["purger"], allow: ["192.0.2.0/24"], tags: ["web"] }, {
    headers: { "idempotency-key": "first" },
    keep: (json, known) => Object.assign(known, { key_id: json.key.key_id, secret: json.secret, org: "one", owner: "alice", role: "purger", realm: "acme" }),
  }),
  // The same idempotency key: answered with the key that was made, without its secret.
  post("createKey", "/keys", { org: "one", owner: "alice", name: "ci", roles: ["purger"], allow: ["192.0.2.0/24"], tags: ["web"] }, { headers: { "idempotency-key": "first" } }),
  get("listKeys", "/keys?org=one&search=ci&sort=name&tag=web&unused_since=2099-01-31&never_used=true"),
  get("getKey", "/keys/{key_id}"),
  { operation: "editKey", method: "PATCH", path: at("/keys/{key_id}"), body: { description: "deploys", owner: "alice", tags: ["web"] } },
  post("rotateKey", "/keys/{key_id}/rotate", { overlap: 3600 }),
  post("explainKey", "/keys/{key_id}/explain", { permission: "cache.purge", ip: "192.0.2.1" }),
  post("findKeyBySecret", "/keys/by-secret", (known) => ({ secret: known.secret })),
  { operation: "reportLeaks", method: "POST", path: "/leaks/github", body: leak, headers: (known) => known.sign(leak(known)), own: (known) => known.secret },
  get("explainAddress", "/explain/address?ip=192.0.2.1"),
  post("importKeys", "/keys/import?format=csv&org=one&owner=alice", `sha256,name\n${known.sha256},legacy\n`, { headers: { "content-type": "text/csv" } }),
  post("beginImport", "/imports?format=csv&org=one&owner=alice&dry_run=true", `sha256,name\n${known.sha256.replace(/^./, "f")},later\n`, {
    headers: { "content-type": "text/csv" }, keep: (json, known) => (known.import = json.import),
  }),
  get("listImports", "/imports"),
  get("getImport", "/imports/{import}"),
  get("listServices", "/services?org=one&limit=10"),
  post("reportUsage", "/usage", { batch: "b1", events: [] }),
  get("listRequests", "/keys/{key_id}/requests"),
  get("countVerdicts", "/verdicts"),
  get("getUsage", "/usage?by=hour&key_id={key_id}"),
  get("exportRequests", "/requests/export?after=0"),
  get("listEvents", "/events?org=one&type=key_created", { keep: (json, known) => (known.event = json.events[0].event) }),
  get("getEvent", "/events/{event}"),
  post("redeliverEvent", "/events/{event}/redeliver"),
  post("reportEdge", "/edges", {
    edge: "e1", name: "fra-1", report: 1, epoch: 1, issued_at: 1_790_000_000, root_version: 1, serving: 0, at: 1_790_000_000, mode: "timer", sdk: "test/1",
  }),
  get("listEdges", "/edges?live=true"),
  get("getFleet", "/fleet?wait=0"),
  get("getPublishing", "/publishing"),
  post("createKey", "/keys", { org: "one", owner: "alice", name: "second" }, { keep: (json, known) => (known.second = json.key.key_id) }),
  post("revokeKeys", "/keys/revoke", { filter: { search: "second" }, dry_run: true }),
  post("editKeys", "/keys/edit", { filter: { search: "second" }, edit: { description: "spare" }, confirm: 1 }),
  post("revokeKey", "/keys/{second}/revoke"),
  { operation: "deleteKey", method: "DELETE", path: at("/keys/{second}") },
  post("createOrg", "/orgs", { org: "two", preset: "valar" }),
  post("createOwner", "/owners", { org: "two", owner: "bob", kind: "service" }),
  post("createKey", "/keys", { org: "two", owner: "bob", name: "third" }, { keep: (json, known) => Object.assign(known, { third: json.key.key_id, third_secret: json.secret }) }),
  post("revokeKeyBySecret", "/keys/by-secret/revoke", (known) => ({ secret: known.third_secret })),
  post("revokeKey", "/keys/{third}/revoke"),
  post("enableKey", "/keys/{third}/enable"),
  { operation: "deleteKey", method: "DELETE", path: at("/keys/{third}?confirm=third") },
  { operation: "deleteOwner", method: "DELETE", path: at("/orgs/two/owners/bob") },
  { operation: "deleteOrg", method: "DELETE", path: at("/orgs/two") },
  post("createRole", "/roles", { role: "spare", permissions: ["a.view"] }),
  { operation: "deleteRole", method: "DELETE", path: at("/roles/spare") },
  { operation: "getMetrics", path: "/metrics", root: true },
  get("listActivity", "/activity"),
  get("verifyActivity", "/activity/verify"),
  get("exportActivity", "/activity/export?after=0"),
];

/** Calls with `secret` where a careless client may put it: path, query, headers, each member of a body. */
export function* misuses(operations, known, secret) {
  for (const { path, method } of operations) {
    const plain = path.replace("/api/v1", "");
    const names = [...plain.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const filled = (wrong) => plain.replace(/\{(\w+)\}/g, (_, name) => (name === wrong ? secret : (known[name] ?? name)));
    for (const name of names) yield { path: filled(name), method, ...(method === "GET" ? {} : { body: {} }) };
    if (method === "GET") {
      for (const name of ["org", "search", "cursor", "tag", "created_by", "actor", "target", "ip", "since", "state", "type", "key_id", "by", "after", "sort", "limit", "lacks", "change", secret]) {
        yield { path: `${filled()}?${name}=${secret}` };
      }
    } else if (method !== "DELETE") {
      const members = ["org", "owner", "role", "roles", "permissions", "allow", "scope", "expires_at", "not_before", "metadata", "tags", "status", "confirm", "batch", "events", "settings", "filter", "edit", "secret", "edge", "sdk"];
      for (const member of [...members, secret]) yield { path: filled(), method, body: { name: "x".repeat(200), [member]: secret } };
      yield { path: filled(), method, body: { settings: { [secret]: 1 } } };
      yield { path: filled(), method, body: `{"name": "${secret}` };
      yield { path: filled(), method, body: {}, headers: { "if-match": secret, "content-type": secret } };
    }
  }
}
