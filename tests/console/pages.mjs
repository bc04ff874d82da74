// Every page there is, and what they show in tests: people would not see much of a realm without keys.

/** Pages about keys, which each preset shows in its own way. */
export const OF_KEYS = ({ key_id }) => ["keys", "keys/new", `keys/${key_id}`, `keys/${key_id}/edit`, `keys/${key_id}/revoke`, `keys/${key_id}/rotate`, `keys/${key_id}/delete`];

/** Pages that are the same whatever the preset. */
export const OF_REALM = ({ key_id, person, imports }) => ["", "keys?search=nothing-fits", `keys/${key_id}?ask=1&ip=192.0.2.7&service=dns`, `keys/${key_id}/requests`, "keys/import", `keys/import/${imports.done}?done`, `keys/import/${imports.refused}?refused`, "reminders", "reminders?part=never_used", "services", "services?org=main", "roles", "roles/new", "roles/edit?id=purger", "roles/delete?id=purger", "owners", "owners/new", "owners/edit?id=admin&org=main",
  "orgs", "orgs/new", "orgs/edit?id=main", "people", "people/new", `people/edit?id=${person}&org=main`, `people/delete?id=${person}&org=main`, "usage", "usage?by=hour", "activity", "activity?verify=1", "alerts", "alerts?part=all", "fleet", "fleet?part=lacking", "health", "leak", "settings", "nowhere"];

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

/** The id of an import of such a file, once it has ended. */
async function imported(control, text) {
  const begun = await control.rest("POST", `/imports?org=${ORG}`, { body: text, headers: { "content-type": "text/csv" }, secret: true });
  if (begun.status !== 202) throw new Error(`an import: ${begun.status} ${begun.detail}`);
  for (;;) {
    const { state } = await control.rest("GET", `/imports/${begun.import}`, { secret: true });
    if (state !== "running") return begun.import;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

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
  // Keys that are due, and services that keys are for.
  for (const [name, expires_at] of [["Contractor", "20h"], ["Migration", "5d"], ["Trade fair", "25d"]]) {
    if (preset === "vergeos") await call("POST", "/keys", { org: ORG, name, expires_at, scope: ["cdn", "dns"] });
  }
  // One import that brought keys and one that was refused, each of a file.
  const imports = {};
  if (preset === "vergeos") {
    const lines = [1, 2, 3].map((n) => `${String(n).repeat(64)},legacy ${n}`).join("\n");
    imports.done = await imported(control, `sha256,name\n${lines}\n`);
    imports.refused = await imported(control, `sha256,name\n${lines}\nnone,last\n`);
  }
  return { ...keys[0], person: person.person, imports };
}
