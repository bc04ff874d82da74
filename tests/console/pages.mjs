// Every page there is, and what they show in tests: people would not see much of a realm without keys.

/** Pages about keys, which each preset shows in its own way. */
export const OF_KEYS = ({ key_id }) => ["keys", "keys/new", `keys/${key_id}`, `keys/${key_id}/edit`, `keys/${key_id}/revoke`, `keys/${key_id}/rotate`, `keys/${key_id}/delete`];

/** Pages that are the same whatever the preset. */
export const OF_REALM = ({ key_id, person }) => ["", "keys?search=nothing-fits", `keys/${key_id}?ask=1&ip=192.0.2.7&service=dns`, `keys/${key_id}/requests`, "keys/import", "roles", "roles/new", "roles/edit?id=purger", "roles/delete?id=purger", "owners", "owners/new", "owners/edit?id=admin&org=main",
  "orgs", "orgs/new", "orgs/edit?id=main", "people", "people/new", `people/edit?id=${person}&org=main`, `people/delete?id=${person}&org=main`, "usage", "usage?by=hour", "activity", "activity?verify=1", "alerts", "alerts?part=all", "fleet", "health", "leak", "settings", "nowhere"];

/** The org that a realm begins with. */
export const ORG = "main";

/** Where an area of a realm is. */
export const path = (realm, area) => (area === "" ? "/console" : `/console/r/${realm}/${area}`);

const NAMES = ["Production API", "CI/CD Pipeline", "Terraform", "Grafana (read only)", "Nightly backup", "Partner: Nordwind GmbH", "Mobile app", "Load test"];
const COUNTRIES = ["DE", "AT", "FR", "US", "JP"];
/** Keys, roles and addresses as each preset has them. */
const MEMBERS = {
  vergeos: { description: "Requested by the platform team", allow: ["192.0.2.0/24", { cidr: "198.51.100.7", enabled: false }], deny: ["192.0.2.66"] },
  vergecloud: { description: "Requested by the platform team", roles: ["dns-manager", "cache-purger"], scope: ["cdn", "dns"] },
  ipaware: { roles: ["developer"], allow: ["192.0.2.0/24"] },
  valar: { allow: ["192.0.2.0/24", "2001:db8::/32"] },
};

/** Fills a realm with keys, requests, an edge and an alert; the first of the keys. */
export async function fill(control, preset) {
  const call = async (method, at, body) => {
    const answer = await control.rest(method, at, { body, secret: true });
    if (answer.status >= 300) throw new Error(`${method} ${at}: ${answer.status} ${answer.detail}`);
    return answer;
  };
  await call("POST", "/roles", { role: "purger", name: "Cache purger", permissions: ["cache.purge", "cache.view"] });
  const { person } = await call("POST", "/people", { name: "Jo Doe", email: "jo@example.com", org: ORG, roles: ["key-manager", "auditor"] });
  await call("POST", "/people", { name: "Sam", roles: ["viewer"], expires_at: "3d" });
  const keys = [];
  for (const name of NAMES) keys.push((await call("POST", "/keys", { org: ORG, name, ...MEMBERS[preset] })).key);
  const now = Math.floor(Date.now() / 1000);
  const refusals = { 401: "revoked", 403: "ip_denied" };
  const events = Array.from({ length: 240 }, (_, i) => {
    const status = i % 9 === 0 ? 403 : i % 31 === 0 ? 401 : 200;
    return {
      key_id: keys[i % 5].key_id, at: now - i * 60, method: i % 4 === 0 ? "POST" : "GET", endpoint: i % 3 === 0 ? "/zones/{zone}/records" : "/cache/purge",
      ip: `192.0.2.${i % 200}`, country: COUNTRIES[i % COUNTRIES.length], status, code: refusals[status] ?? "valid",
    };
  });
  await call("POST", "/usage", { batch: "seen", events });
  await call("POST", "/edges", { edge: "e1", name: "fra-1", report: 1, epoch: 1, issued_at: now, root_version: 1, serving: 0, at: now, mode: "timer", sdk: "edgelatch/0.1.0" });
  return { ...keys[0], person: person.person };
}
