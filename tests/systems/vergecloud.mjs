// VergeCloud: eight predefined roles over a scope of services, keys that never change, revoked for good.
import { readFileSync, readdirSync } from "node:fs";
import { settled } from "./harness/edge.mjs";
import { said } from "./harness/world.mjs";

const header = (secret) => ({ "x-api-key": secret });
const ask = async (t, name, service, permission) => (await t.ask(name, { service, permission })).code;

const overview = [
  ["an application reaches services with a key", "create, use", { status: 200, code: "valid", name: "ops" }, async (t) => {
    await t.create({ name: "ops", description: "nightly automation", roles: ["admin"] });
    return t.until("valid", "ops");
  }],
  ["and not without", "call without", { status: 401, code: "missing" }, (t) => t.edge.ask({})],
  ["use can be monitored", "the key's log", { method: "POST", endpoint: /\/zones$/, status: 200, country: "CH" }, async (t) => {
    await t.ask("ops", { method: "POST", service: "dns", permission: "dns.record.create", path: "/zones", country: "CH" });
    const log = () => t.rest("GET", `/keys/${t.ids.ops}/requests?limit=1`);
    return (await settled(log, ({ requests }) => requests?.[0]?.endpoint.endsWith("/zones"))).requests[0];
  }],
];

const list = [
  ["all keys of the organisation are listed", "keys list, by command", ["partner", "ops"], async (t) => {
    await t.create({ name: "partner", description: "integration of a partner", roles: ["insights-analyst", "dns-manager"] });
    return (await t.cli("keys", "list")).out.keys.map(({ name }) => name);
  }],
  ["with name and description", "list", { name: "partner", description: "integration of a partner" }, async (t) => (await t.list())[0]],
  ["a masked key is told by, not used by", "list", [/^vc_\w+\.{4,}\w+$/, "malformed"], async (t) => {
    const { masked } = (await t.list())[0];
    return [masked, (await t.edge.ask(header(masked))).code];
  }],
  ["with its roles", "list", ["dns-manager", "insights-analyst"], async (t) => (await t.list())[0].roles.toSorted()],
  ["with the time it was generated", "list", true, async (t) => Math.abs(Date.parse((await t.list())[0].created_at) - Date.now()) < 60_000],
  ["details can be viewed", "keys show, by command", { code: 0, out: { name: "partner", state: "active", scope: "all" } }, (t) =>
    t.cli("keys", "show", t.ids.partner)],
  ["access can be reviewed by role", "list ?role=admin", ["ops"], async (t) => (await t.list("?role=admin")).map(({ name }) => name)],
  ["and by purpose", "search automation", ["ops"], async (t) => (await t.list("?search=automation")).map(({ name }) => name)],
];

const basics = [
  ["a name is required", "create without", { status: 422 }, async (t) => said(await t.create({ roles: ["admin"] }, { as: "nobody" }))],
  ["it is unique", "create ops again", { status: 409, code: "name_taken", pointer: "/name" }, async (t) =>
    said(await t.create({ name: "ops", roles: ["admin"] }, { as: "second" }))],
  ["by command, too", "keys create --name ops", { code: 2, error: { code: "name_taken" } }, (t) => t.cli("keys", "create", "--name", "ops", "--org", "main", "--role", "admin")],
  ["within the organisation", "ops of another org", { status: 201 }, async (t) => {
    await t.cli("orgs", "create", "other");
    await t.cli("owners", "create", "admin", "--org", "other");
    return t.create({ org: "other", name: "ops", roles: ["admin"] }, { as: "other's ops" });
  }],
  ["a description is optional", "create without", { status: 201, key: { description: "" } }, (t) => t.create({ name: "plain", roles: ["admin"] })],
];

const scope = [
  ["access to all services", "create with scope all", { status: 201, key: { scope: "all" } }, (t) => t.create({ name: "everywhere", scope: "all", roles: ["admin"] })],
  ["those that exist and those to come", "use for three, one of them new", ["valid", "valid", "valid"], async (t) => {
    await t.until("valid", "everywhere");
    const name = `made-${Date.now()}`;
    return [await ask(t, "everywhere", "cdn", "cache.purge"), await ask(t, "everywhere", "dns", "dns.zone.view"), await ask(t, "everywhere", name, "thing.update")];
  }],
  ["or to specific ones only", "create for cdn and dns", ["valid", "valid", "scope_denied", "scope_denied"], async (t) => {
    await t.create({ name: "two", scope: ["cdn", "dns"], roles: ["admin"] });
    await t.until("valid", "two");
    const services = ["cdn", "dns", "waf", `made-${Date.now()}`];
    const codes = [];
    for (const service of services) codes.push(await ask(t, "two", service, "thing.view"));
    return codes;
  }],
  ["elsewhere it is refused", "use for waf", { status: 403, challenge: /insufficient_scope/ }, (t) => t.ask("two", { service: "waf" })],
  ["a service that nobody else has is told", "create for cnd", { status: 201, warnings: [{ code: "unknown_service", message: /`cnd` \(is `cdn` meant\?\)/ }] }, (t) =>
    t.create({ name: "slip", scope: ["cnd"], roles: ["admin"] })],
  ["one that others have is not", "create for cdn", [], async (t) => (await t.create({ name: "no slip", scope: ["cdn"], roles: ["admin"] })).warnings],
  ["what is no service is refused", "create for \"c d n\"", { status: 422, pointer: "/scope/0" }, async (t) =>
    said(await t.create({ name: "bad", scope: ["c d n"], roles: ["admin"] }))],
];

/** Of each predefined role: what it is good for, and what it is not. */
const ROLES = [
  ["admin", "Admin", ["dns.record.delete", "billing.plan.update", "org.member.create"], []],
  ["read-only-admin", "Read-Only Admin", ["dns.record.view", "billing.invoice.view"], ["dns.record.update", "cache.purge"]],
  ["billing-manager", "Billing Manager", ["billing.invoice.create", "billing.plan.update"], ["dns.record.view", "cache.purge"]],
  ["cache-purger", "Cache Purger", ["cache.purge"], ["cache.settings.update", "dns.record.create"]],
  ["dns-manager", "DNS Manager", ["dns.record.create", "dns.record.update", "dns.record.delete"], ["waf.rule.update", "cache.purge"]],
  ["security-manager", "Security Manager", ["waf.rule.update", "ddos.protection.update", "security.policy.create"], ["dns.record.update", "routing.rule.update"]],
  ["traffic-manager", "Traffic Manager", ["routing.rule.update", "load-balancer.pool.create"], ["waf.rule.update", "dns.record.update"]],
  ["insights-analyst", "Insights Analyst", ["analytics.traffic.view", "metrics.performance.view", "report.view"], ["analytics.traffic.delete", "dns.record.view"]],
];

const roles = [
  ["a key has one role or more", "create with none", { status: 403, code: "not_allowed", pointer: "/roles" }, async (t) => said(await t.create({ name: "none" }))],
  ["eight are predefined", "list them", ROLES.map(([role, name]) => [role, name, true]).toSorted(), async (t) => {
    const { roles: all } = await t.rest("GET", "/roles");
    return all.filter(({ org }) => !org).map(({ role, name, predefined }) => [role, name, predefined]).toSorted();
  }],
  ["others there are not", "create with owner", { status: 422, code: "invalid", pointer: "/roles" }, async (t) => said(await t.create({ name: "odd", roles: ["owner"] }))],
  ...ROLES.map(([role, name, good, bad]) => [
    `${name}: what it may do and what not`, `${good.join(", ")}; not ${bad.join(", ") || "outside its services"}`,
    [...good.map(() => "valid"), ...bad.map(() => "permission_denied"), "scope_denied"],
    async (t) => {
      await t.create({ name: role, roles: [role], scope: ["portal"] });
      await t.until("valid", role, { service: "portal", permission: good[0] });
      const codes = [];
      for (const permission of [...good, ...bad]) codes.push(await ask(t, role, "portal", permission));
      return [...codes, await ask(t, role, "elsewhere", good[0])];
    },
  ]),
  ["several roles add up", "Cache Purger and DNS Manager", ["valid", "valid", "permission_denied"], async (t) => {
    await t.create({ name: "pair", roles: ["cache-purger", "dns-manager"] });
    await t.until("valid", "pair", { permission: "cache.purge" });
    return [await ask(t, "pair", "cdn", "cache.purge"), await ask(t, "pair", "dns", "dns.record.update"), await ask(t, "pair", "waf", "waf.rule.update")];
  }],
];

const view = [
  ["the last step shows the key", "create", { status: 201, secret: /^vc_[0-9A-Za-z]{36}$/ }, (t) =>
    t.create({ name: "pipeline", roles: ["cache-purger"] }, { headers: { "idempotency-key": "pipeline" } })],
  ["this is the only time", "the same request again", { status: 200, secret: null, repeated: true }, (t) =>
    t.create({ name: "pipeline", roles: ["cache-purger"] }, { headers: { "idempotency-key": "pipeline" } })],
  ["a lost key is not given another secret", "rotate", { status: 403, code: "not_allowed" }, async (t) => said(await t.rotate("pipeline", {}))],
  ["but a new one is generated", "create another", { code: "valid", name: "pipeline 2" }, async (t) => {
    await t.create({ name: "pipeline 2", roles: ["cache-purger"] });
    return t.until("valid", "pipeline 2");
  }],
];

const usage = [
  ["the header is X-API-Key", "X-API-Key", { status: 200, code: "valid" }, (t) => t.edge.ask({ "X-API-Key": t.secrets.ops })],
  ["and no other", "Authorization: Bearer", { status: 401, code: "missing" }, (t) => t.edge.ask({ authorization: `Bearer ${t.secrets.ops}` })],
  ["the key is treated like a password: it is kept nowhere", "files of the control plane", [], (t) => {
    const files = readdirSync(t.control.file("data"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const text = (file) => {
      try {
        return readFileSync(file);
      } catch (error) {
        if (error.code === "ENOENT") return ""; // a publication has ended meanwhile, and its file with it
        throw error;
      }
    };
    return files.filter(({ parentPath, path, name }) => text(`${parentPath ?? path}/${name}`).includes(t.secrets.ops)).map(({ name }) => name);
  }],
];

const considerations = [
  ["a key's value cannot be retrieved later", "show", false, async (t) => JSON.stringify(await t.key("ops")).includes(t.secrets.ops)],
  ["nothing of a key can be modified", "name, description, roles, scope, status", Array(5).fill([403, "not_allowed"]), async (t) => {
    const edits = [{ name: "x" }, { description: "x" }, { roles: ["admin"] }, { scope: "all" }, { status: "revoked" }];
    const codes = [];
    for (const edit of edits) codes.push(await t.edit("two", edit).then(({ status, body }) => [status, body.code]));
    return codes;
  }],
  ["nor by command", "keys edit --role", { code: 2, error: { code: "not_allowed" } }, (t) => t.cli("keys", "edit", t.ids.two, "--role", "admin")],
  ["to change roles or scope: revoke, generate again", "the same name, another scope", ["scope_denied", "valid", "revoked"], async (t) => {
    const before = await ask(t, "two", "waf", "thing.view");
    await t.cli("keys", "revoke", t.ids.two);
    await t.create({ name: "two", scope: ["cdn", "dns", "waf"], roles: ["admin"] }, { as: "three" });
    await t.until("valid", "three");
    return [before, await ask(t, "three", "waf", "thing.view"), (await t.until("revoked", "two")).code];
  }],
  ["least privilege: a role grants nothing beside its own", "explain", { code: "permission_denied", status: 403 }, (t) =>
    t.explain("cache-purger", { service: "portal", permission: "dns.record.view" })],
  ["scope and roles must both fit", "DNS Manager for cdn only", ["valid", "scope_denied", "permission_denied"], async (t) => {
    await t.create({ name: "misaligned", roles: ["dns-manager"], scope: ["cdn"] });
    await t.until("valid", "misaligned");
    return [await ask(t, "misaligned", "cdn", "dns.record.view"), await ask(t, "misaligned", "dns", "dns.record.view"), await ask(t, "misaligned", "cdn", "cache.purge")];
  }],
  ["revoking blocks all access at once", "revoke", { status: 401, code: "revoked" }, async (t) => {
    await t.rest("POST", `/keys/${t.ids.pair}/revoke`);
    return t.until("revoked", "pair", { permission: "cache.purge" });
  }],
  ["for whoever holds it, it is like any unknown key", "the two answers", true, async (t) => {
    const unknown = await t.edge.ask(header(t.secrets.pair.slice(0, -1)));
    return (await t.ask("pair")).text === unknown.text;
  }],
  ["for good", "enable", { status: 403, code: "not_allowed" }, async (t) => said(await t.rest("POST", `/keys/${t.ids.pair}/enable`))],
  ["the scope is accurate: the organisation lists its services", "orgs set services, by command; create for cnd, by REST and by command",
    [0, { status: 403, code: "not_allowed", pointer: "/scope" }, true, "not_allowed"], async (t) => {
      const { code } = await t.cli("orgs", "set", "main", 'services=["cdn","dns","waf","portal"]');
      const refused = await t.create({ name: "slip 2", scope: ["dns", "cnd"], roles: ["admin"] });
      const { error } = await t.cli("keys", "create", "--name", "slip 3", "--org", "main", "--role", "admin", "--scope", "cnd");
      return [code, said(refused), refused.body.detail.includes("nearest of which is `cdn`"), error.code];
    }],
  ["those that are listed, and all, remain", "create for waf, for all", [201, 201], async (t) =>
    [(await t.create({ name: "waf", scope: ["waf"], roles: ["admin"] })).status, (await t.create({ name: "all", roles: ["admin"] })).status]],
  ["there is no other way to remove it", "delete", { status: 403, code: "not_allowed" }, async (t) => said(await t.rest("DELETE", `/keys/${t.ids.pair}?confirm=pair`))],
  ["a leak is answered for many keys at once", "keys revoke-many --role dns-manager, counted, then confirmed", [3, "active", 3, "revoked"], async (t) => {
    const filter = ["keys", "revoke-many", "--org", "main", "--role", "dns-manager"];
    const { matched } = (await t.cli(...filter)).out;
    const before = (await t.key("dns-manager")).state;
    const done = await t.cli(...filter, "--confirm", String(matched));
    return [matched, before, done.out.revoked ?? done.out.matched, (await t.until("revoked", "dns-manager")).code];
  }],
];

const related = [
  ["the activity log tells what was done, by whom", "activity of pair", [["key.revoke", true], ["key.create", true]], async (t) => {
    const me = (await t.rest("GET", "/keys?search=First", { realm: "management" })).keys[0].key_id;
    return (await t.rest("GET", `/activity?target=${t.ids.pair}`)).activity.map(({ action, actor }) => [action, actor === me]);
  }],
  ["also what a person did by command", "audit list", { action: "key.revoke", actor: /^cli:/, before: { revoked_at: null } }, async (t) =>
    (await t.cli("audit", "list", "--target", t.ids.two)).out.activity[0]],
  ["with its metadata", "from where, when", [/^127\.0\.0\.1$/, /Z$/], async (t) => {
    const { activity } = await t.rest("GET", `/activity?target=${t.ids.pair}&limit=1`);
    return [activity[0].address, activity[0].at];
  }],
  ["an organisation's administrator sees no other's keys", "a key for main alone", [200, ["main"], 404], async (t) => {
    const as = await t.manager("key-manager", "main only", ["--scope", "vergecloud.main"]);
    const mine = await t.rest("GET", "/keys?org=main", { as });
    const theirs = await t.rest("GET", `/keys/${t.ids["other's ops"]}`, { as });
    return [mine.status, [...new Set(mine.keys.map(({ org }) => org))], theirs.status];
  }],
  ["what users may do depends on their role", "a viewer lists, and cannot create", [200, 403], async (t) => {
    const as = await t.manager("viewer");
    return [(await t.rest("GET", "/keys", { as })).status, (await t.create({ name: "v", roles: ["admin"] }, { by: as })).status];
  }],
  ["no key was shown twice", "all answers, outputs and logs", [], (t) => t.leaks()],
];

export default {
  system: "VergeCloud",
  preset: "vergecloud",
  credential: header,
  sections: [
    ["Overview", overview], ["List", list], ["Basic information", basics], ["Access scope", scope], ["Roles", roles], ["View", view],
    ["Fields and usage", usage], ["Considerations", considerations], ["Related", related],
  ],
};
