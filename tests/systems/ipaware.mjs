// IPAware: a public id beside each secret, one role a key, custom roles, a plan's limit on active keys, rotation with overlap.
import { settled } from "./harness/edge.mjs";
import { startListener } from "./harness/listener.mjs";
import { daysAhead, said } from "./harness/world.mjs";
import permissions from "./ipaware-permissions.mjs";

const bearer = (secret) => ({ authorization: `Bearer ${secret}` });
const [OFFICE, ELSEWHERE] = ["192.0.2.10", "198.51.100.7"];
const names = (keys) => keys.map(({ name }) => name);

const overview = [
  ["a key has a public id, a name, a role and a status", "create", { status: 201, key: { key_id: /^key_\w{11}$/, name: "Production Server", roles: ["developer"], state: "active" } }, (t) =>
    t.create({ name: "Production Server", roles: ["developer"] }, { headers: { "idempotency-key": "one" } })],
  ["the id is safe to log: it opens nothing", "use the id", { status: 401, code: "malformed" }, (t) => t.edge.ask(bearer(t.ids["Production Server"]))],
  ["the secret opens, and is another text", "use the secret", [true, "valid"], async (t) => {
    const [id, secret] = [t.ids["Production Server"].slice(4), t.secrets["Production Server"]];
    return [!secret.includes(id), (await t.until("valid", "Production Server")).code];
  }],
  ["it is shown during creation only", "the same request again", { status: 200, secret: null, repeated: true }, (t) =>
    t.create({ name: "Production Server", roles: ["developer"] }, { headers: { "idempotency-key": "one" } })],
];

const creating = [
  ["a name is entered", "create without", { status: 422 }, async (t) => said(await t.create({ roles: ["developer"] }, { as: "nobody" }))],
  ["roles are offered", "list roles", ["admin", "developer", "key-manager", "read-only"], async (t) => (await t.rest("GET", "/roles")).roles.map(({ role }) => role).toSorted()],
  ["one is selected", "create with none, with two, with another", [[403, "/roles"], [403, "/roles"], [422, "/roles"]], async (t) => {
    const tried = async (roles) => [await t.create({ name: "odd", roles })].map(({ status, body }) => [status, body.pointer])[0];
    return [await tried([]), await tried(["admin", "developer"]), await tried(["emperor"])];
  }],
  ["by least privilege", "a Read-Only key views, and changes nothing", ["valid", "permission_denied"], async (t) => {
    await t.create({ name: "Mobile App", roles: ["read-only"] });
    await t.until("valid", "Mobile App");
    return [(await t.ask("Mobile App", { permission: "ip.view" })).code, (await t.ask("Mobile App", { permission: "ip.block.create" })).code];
  }],
  ["the secret can be stored in a file", "keys create --save, by command", { code: 0, mode: "600", out: { secret: null, key: { key_id: /^key_/ } } }, (t) =>
    t.createSaved("saved", ["--role", "developer"])],
  ["what was stored works", "use it", { code: "valid", name: "saved" }, (t) => t.until("valid", "saved")],
  ["the new key is in the table", "list", ["saved", "Mobile App", "Production Server"], async (t) => names(await t.list())],
];

const managing = [
  ["the table shows name, id, role, creation and status", "list", { name: "Mobile App", key_id: /^key_/, roles: ["read-only"], created_at: /Z$/, state: "active" }, async (t) => (await t.list())[1]],
  ["a name can be changed", "edit, use", "Mobile App 2", async (t) => {
    await t.edit("Mobile App", { name: "Mobile App 2" });
    return (await settled(() => t.ask("Mobile App"), ({ name }) => name === "Mobile App 2")).name;
  }],
  ["a role, too", "keys edit --role, by command; use", { code: "valid", roles: ["developer"] }, async (t) => {
    await t.cli("keys", "edit", t.ids["Mobile App"], "--role", "developer");
    return t.until("valid", "Mobile App", { permission: "ip.block.create" });
  }],
  ["the id cannot", "edit key_id", { status: 422 }, async (t) => said(await t.edit("Mobile App", { key_id: "key_00000000001" }))],
  ["nor what the page has no field for", "expiry, scope, description", ["/expires_at", "/scope", "/description"], async (t) => {
    const pointer = async (body) => (await t.edit("Mobile App", body)).body.pointer;
    return [await pointer({ expires_at: "1y" }), await pointer({ scope: ["ip"] }), await pointer({ description: "x" })];
  }],
  ["the secret cannot be retrieved", "show", false, async (t) => JSON.stringify(await t.key("Mobile App")).includes(t.secrets["Mobile App"])],
  ["revoking deactivates at once", "revoke", { status: 401, code: "revoked" }, async (t) => {
    await t.rest("POST", `/keys/${t.ids.saved}/revoke`);
    return t.until("revoked", "saved");
  }],
  ["every request fails then", "another route", { status: 401 }, (t) => t.ask("saved", { service: "ip", permission: "ip.view", method: "POST" })],
  ["the key leaves the table", "list", ["Mobile App 2", "Production Server"], async (t) => names(await t.list())],
  ["but not the records", "list ?state=revoked", ["saved"], async (t) => names(await t.list("?state=revoked"))],
  ["it cannot be undone", "enable, by REST and by command", [403, 2], async (t) =>
    [(await t.rest("POST", `/keys/${t.ids.saved}/enable`)).status, (await t.cli("keys", "enable", t.ids.saved)).code]],
];

const roles = [
  ["roles say what a key may do", "Developer", ["valid", "permission_denied"], async (t) =>
    [(await t.ask("Production Server", { permission: "ip.lookup" })).code, (await t.ask("Production Server", { permission: "billing.view" })).code]],
  ["organisations create their own", "a role for lookups, a key with it", ["valid", "permission_denied"], async (t) => {
    await t.rest("POST", "/roles", { body: { role: "lookup", org: "main", name: "Lookups", permissions: ["ip.lookup"] } });
    await t.create({ name: "lookups", roles: ["lookup"] });
    await t.until("valid", "lookups", { permission: "ip.lookup" });
    return [(await t.ask("lookups", { permission: "ip.lookup" })).code, (await t.ask("lookups", { permission: "ip.block.create" })).code];
  }],
  ["with the permissions that they choose", "edit the role, use", { code: "valid" }, async (t) => {
    await t.rest("PATCH", "/roles/lookup?org=main", { body: { permissions: ["ip.lookup", "ip.block.*"] } });
    return t.until("valid", "lookups", { permission: "ip.block.create" });
  }],
  ["a role in use stays", "delete it", { status: 409, code: "in_use" }, async (t) => said(await t.rest("DELETE", "/roles/lookup?org=main"))],
];

const using = [
  ["the key goes into Authorization", "Bearer", { status: 200 }, (t) => t.edge.ask(bearer(t.secrets["Production Server"]))],
  ["not elsewhere", "X-API-Key", { status: 401, code: "missing" }, (t) => t.edge.ask({ "x-api-key": t.secrets["Production Server"] })],
  ["different keys for different environments", "create for staging and development", ["production", "staging", "development"], async (t) => {
    await t.create({ name: "Staging", roles: ["developer"], environment: "staging" });
    await t.create({ name: "Development", roles: ["developer"], environment: "development" });
    return [(await t.key("Production Server")).environment, (await t.key("Staging")).environment, (await t.key("Development")).environment];
  }],
  ["an environment that was mistaken is mended", "edit, by REST and by command; due dates", [[90, "production"], [180, "development"]], async (t) => {
    const is = ({ due_at, environment }) => [daysAhead(due_at), environment];
    const moved = await t.edit("Development", { environment: "production" });
    return [is(moved.key), is((await t.cli("keys", "edit", t.ids.Development, "--environment", "development")).out.key)];
  }],
  ["to one that there is", "edit to moon", { status: 403, code: "not_allowed", pointer: "/environment" }, async (t) => said(await t.edit("Staging", { environment: "moon" }))],
  ["keys can be found by purpose and environment", "search and filter", [["Staging"], ["Production Server"]], async (t) =>
    [names(await t.list("?environment=staging")), names(await t.list("?search=Production%20S"))]],
  ["it shows which keys are used, and how often", "counters", [true, 0, null], async (t) => {
    const used = await settled(() => t.key("Production Server"), ({ uses }) => uses > 0);
    const idle = await t.key("Development");
    return [used.uses > 0 && used.last_used_at !== null, idle.uses, idle.last_used_at];
  }],
  ["unusual activity is seen in a key's log", "a use from elsewhere", { ip: ELSEWHERE, country: "NZ", method: "DELETE", code: "permission_denied", status: 403 }, async (t) => {
    await t.ask("Production Server", { from: ELSEWHERE, country: "NZ", method: "DELETE", permission: "billing.view" });
    const log = () => t.rest("GET", `/keys/${t.ids["Production Server"]}/requests?limit=1`);
    return (await settled(log, ({ requests }) => requests?.[0]?.method === "DELETE")).requests[0];
  }],
  ["many failed attempts raise an alert", "20 refusals of a revoked key; a webhook", { type: "failed_authentication", realm: "ipaware", org: "main", codes: { revoked: true } }, async (t) => {
    const attempts = async () => {
      for (let n = 0; n < 20; n++) await t.ask("saved");
      return t.webhook.received.find(({ alert }) => alert.type === "failed_authentication" && alert.key_id === t.ids.saved);
    };
    t.delivery = await settled(attempts, (delivery) => delivery !== undefined);
    const { alert } = t.delivery;
    return { ...alert, codes: { revoked: alert.codes.revoked >= 20 } };
  }],
  ["it is signed, so that nobody else can raise one", "the text; another text", [true, false], async (t) =>
    [t.webhook.signed(t.delivery, t.delivery.text), t.webhook.signed(t.delivery, t.delivery.text.replace("main", "mine"))]],
];

const rotation = [
  ["a new key with the same role, named clearly", "create v2", { code: "valid", name: "Production Server v2", roles: ["developer"] }, async (t) => {
    await t.create({ name: "Production Server v2", roles: ["developer"] });
    return t.until("valid", "Production Server v2");
  }],
  ["until applications are updated, both work", "use the first", { code: "valid" }, (t) => t.ask("Production Server")],
  ["the old key's use can be watched", "sort by last use", "Production Server", async (t) => {
    const look = async () => (await t.ask("Production Server"), (await t.list("?sort=last_used&limit=1"))[0]);
    return (await settled(look, ({ name }) => name === "Production Server")).name;
  }],
  ["then the old key is revoked", "revoke", ["revoked", "valid"], async (t) => {
    await t.cli("keys", "revoke", t.ids["Production Server"]);
    return [(await t.until("revoked", "Production Server")).code, (await t.ask("Production Server v2")).code];
  }],
  ["whoever still uses it is noticed", "its refusals", true, async (t) => {
    const { refusals: before } = await t.key("Production Server");
    const look = async () => (await t.ask("Production Server"), t.key("Production Server"));
    return (await settled(look, ({ refusals }) => refusals > before)).refusals > before;
  }],
  ["the rotation is documented", "activity", ["key.revoke", "key.create"], async (t) =>
    (await t.rest("GET", `/activity?target=${t.ids["Production Server"]}`)).activity.map(({ action }) => action)],
  ["production keys are due after 90 days, development keys after 180", "due dates", [90, 180], async (t) =>
    [daysAhead((await t.key("Production Server v2")).due_at), daysAhead((await t.key("Development")).due_at)]],
  ["those that are due are listed, and fresh ones are not", "keys list --rotation-due", [], async (t) => (await t.cli("keys", "list", "--rotation-due")).out.keys],
  ["the overlap can be one key's own: two secrets for a while", "rotate with an overlap", ["valid", "valid"], async (t) => {
    await t.rotate("Production Server v2", { overlap: 8 });
    return [(await t.until("valid", "Production Server v2")).code, (await t.ask("Production Server v2, old")).code];
  }],
  ["its end needs no control plane", "server down; old secret, new secret", ["expired", "valid"], async (t) => {
    await t.control.stop();
    const old = await settled(() => t.ask("Production Server v2, old"), ({ code }) => code !== "valid");
    const still = await t.ask("Production Server v2");
    await t.control.serve(t.webhook.options);
    return [old.code, still.code];
  }],
  ["an overlap has an end", "rotate with 31 days", { status: 403, code: "not_allowed", pointer: "/overlap" }, async (t) => said(await t.rotate("Development", { overlap: "31d" }))],
  ["a compromised key is replaced at once", "rotate without overlap", ["unknown", "valid"], async (t) => {
    await t.until("valid", "Staging");
    await t.rotate("Staging", {});
    return [(await t.until("unknown", "Staging, old")).code, (await t.until("valid", "Staging")).code];
  }],
];

const troubleshooting = [
  ["the key was revoked", "verdict", { code: "revoked" }, (t) => t.ask("Production Server")],
  ["a typo, or truncated", "one character other, one less", ["malformed", "malformed"], async (t) => {
    const secret = t.secrets.Staging;
    const typo = secret.replace(/.$/, (last) => (last === "a" ? "b" : "a"));
    return [(await t.edge.ask(bearer(typo))).code, (await t.edge.ask(bearer(secret.slice(0, -1)))).code];
  }],
  ["it lacks the permission", "explain", { code: "permission_denied", status: 403 }, (t) => t.explain("lookups", { permission: "billing.view" })],
  ["the address is not on its list", "a key for the office; use and explain", ["valid", "ip_denied", "ip_denied"], async (t) => {
    await t.create({ name: "office", roles: ["developer"], allow: [OFFICE] });
    await t.until("valid", "office", { from: OFFICE });
    return [(await t.ask("office", { from: OFFICE })).code, (await t.ask("office", { from: ELSEWHERE })).code, (await t.explain("office", { ip: ELSEWHERE })).body.code];
  }],
  ["holders are told no more than that the key is invalid", "bodies of a revoked and a mistyped key", true, async (t) =>
    (await t.ask("Production Server")).text === (await t.edge.ask(bearer(t.secrets.Staging.slice(0, -1)))).text],
  ["whether a key is in the table", "search its id", ["lookups"], async (t) => names(await t.list(`?search=${t.ids.lookups}`))],
  ["extra spaces", "a space inside", { status: 400, code: "invalid_request" }, (t) => t.edge.ask(bearer(t.secrets.Staging.replace("_", "_ ")))],
  ["the id in place of the secret", "use the id", { status: 401, code: "malformed" }, (t) => t.edge.ask(bearer(t.ids.Staging))],
  ["a header of another form", "no scheme", { status: 401, code: "missing" }, (t) => t.edge.ask({ authorization: t.secrets.Staging })],
];

const limits = [
  ["a plan limits active keys", "create up to ten, and another", { status: 409, code: "limit_reached", pointer: "/org" }, async (t) => {
    const count = (await t.list("?state=active")).length;
    for (let n = count; n < 10; n++) await t.create({ name: `filler ${n}`, roles: ["read-only"] });
    return said(await t.create({ name: "eleventh", roles: ["read-only"] }));
  }],
  ["revoking an unused key makes room", "revoke, create", { status: 201 }, async (t) => {
    await t.rest("POST", `/keys/${t.ids["filler 9"]}/revoke`);
    return t.create({ name: "eleventh", roles: ["read-only"] });
  }],
  ["a higher plan does, too", "orgs set max_active_keys=11, by command; create", [409, 201], async (t) => {
    const { status } = await t.create({ name: "twelfth", roles: ["read-only"] });
    await t.cli("orgs", "set", "main", "max_active_keys=11");
    return [status, (await t.create({ name: "twelfth", roles: ["read-only"] })).status];
  }],
];

const compromise = [
  ["revoke, replace", "revoke office, create again", ["revoked", "valid"], async (t) => {
    await t.rest("POST", `/keys/${t.ids.office}/revoke`);
    await t.create({ name: "office", roles: ["developer"], allow: [OFFICE] }, { as: "office 2" });
    return [(await t.until("revoked", "office", { from: OFFICE })).code, (await t.until("valid", "office 2", { from: OFFICE })).code];
  }],
  ["its log can still be reviewed", "requests of the revoked key", true, async (t) => {
    const log = () => t.rest("GET", `/keys/${t.ids.office}/requests`);
    const { requests } = await settled(log, ({ requests: all }) => all?.some(({ code }) => code === "ip_denied"));
    return requests.some(({ code, ip }) => code === "ip_denied" && ip === ELSEWHERE);
  }],
];

const next = [
  ["a whitelist can be set up later", "edit allow; use from there and from elsewhere", ["ip_denied", "valid"], async (t) => {
    await t.edit("Production Server v2", { allow: [OFFICE] });
    return [(await t.until("ip_denied", "Production Server v2", { from: ELSEWHERE })).code, (await t.ask("Production Server v2", { from: OFFICE })).code];
  }],
  ["by command, too", "keys edit --add-allow", "valid", async (t) => {
    await t.cli("keys", "edit", t.ids["Production Server v2"], "--add-allow", `${ELSEWHERE}=second office`);
    return (await t.until("valid", "Production Server v2", { from: ELSEWHERE })).code;
  }],
  ["and taken away again, of which the administrator is told", "edit allow to nothing", ["opens_to_all", "valid"], async (t) => {
    const { warnings } = await t.edit("Production Server v2", { allow: [] });
    return [warnings[0]?.code, (await t.until("valid", "Production Server v2", { from: "203.0.113.9" })).code];
  }],
  ["who leaves the team leaves keys to others", "owners create, keys edit --owner; the edge's word, the log's", ["second", ["admin", "second"]], async (t) => {
    await t.cli("owners", "create", "second");
    await t.cli("keys", "edit", t.ids["Production Server v2"], "--owner", "second");
    const { owner } = await settled(() => t.ask("Production Server v2"), ({ owner: is }) => is === "second");
    const { activity } = await t.rest("GET", `/activity?target=${t.ids["Production Server v2"]}&limit=1`);
    return [owner, [activity[0].before.owner, activity[0].after.owner]];
  }],
  ["members of the team manage keys, by their own", "a viewer's key: list, create", [200, 403], async (t) => {
    const as = await t.manager("viewer", "colleague");
    return [(await t.rest("GET", "/keys", { as })).status, (await t.create({ name: "x", roles: ["read-only"] }, { by: as })).status];
  }],
  ["of one key there was one alert a window", "deliveries so far", true, (t) => {
    const windows = t.webhook.received.filter(({ alert }) => alert.type === "failed_authentication" && alert.key_id === t.ids.saved).map(({ alert }) => alert.since);
    return windows.length > 0 && new Set(windows).size === windows.length;
  }],
  ["consumption is tracked over all keys", "usage totals, by command", [true, true], async (t) => {
    const { out } = await t.cli("usage", "totals");
    const number = (verdict) => out.find(({ code }) => code === verdict)?.number ?? 0;
    return [number("valid") > 0, number("revoked") >= 20];
  }],
  ["no secret is logged or displayed again", "all answers, outputs and logs", [], (t) => t.leaks()],
  ["the log of acts is whole", "audit verify", 0, async (t) => (await t.cli("audit", "verify")).code],
];

export default {
  system: "IPAware",
  preset: "ipaware",
  credential: bearer,
  serve: async (t) => (t.webhook = await startListener(t.control)).options,
  end: (t) => t.webhook?.stop(),
  sections: [
    ["Overview", overview], ["Creating", creating], ["Managing", managing], ["Roles", roles], ["Using", using], ["Rotation", rotation],
    ["Troubleshooting", troubleshooting], ["Limits", limits], ["Compromise", compromise], ["Permissions", permissions], ["Next", next],
  ],
};
