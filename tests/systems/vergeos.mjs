// VergeOS: keys act as the user they belong to; allow and deny lists; editing, no rotation, deletion at once where it is meant.
import { settled } from "./harness/edge.mjs";
import { DAY_MS, said } from "./harness/world.mjs";
import access, { ELSEWHERE, HOME, OFFICE } from "./vergeos-access.mjs";

const owner = (t, name, body) => t.rest("PATCH", `/orgs/main/owners/${name}`, { body });
const bearer = (secret) => ({ authorization: `Bearer ${secret}` });

const overview = [
  ["a key belongs to one user account", "create for alice, use", { code: "valid", owner: "alice", name: "ci" }, async (t) => {
    await t.create({ name: "ci", owner: "alice" });
    return t.until("valid", "ci");
  }],
  ["it has that user's permissions", "use for vm.start", { code: "valid", roles: ["tenant-admin"] }, (t) => t.ask("ci", { permission: "vm.start" })],
  ["and no more than those", "use for system.update", { status: 403, code: "permission_denied" }, (t) => t.ask("ci", { permission: "system.update" })],
  ["programs sign in without a session, but not without a key", "call without", { status: 401, code: "missing", challenge: /^Bearer realm=/ }, (t) => t.edge.ask({})],
  ["the AI router takes keys too", "use service ai for ai.chat", { code: "valid" }, (t) => t.ask("ci", { service: "ai", permission: "ai.chat" })],
];

const understanding = [
  ["keys are Bearer tokens", "Authorization: Bearer", { status: 200, code: "valid" }, (t) => t.edge.ask(bearer(t.secrets.ci))],
  ["no other header carries them", "X-API-Key", { status: 401, code: "missing" }, (t) => t.edge.ask({ "x-api-key": t.secrets.ci })],
  ["they do not end by inactivity", "clock 29 days ahead", { code: "valid" }, (t) => t.ask("ci", { ahead: 29 * DAY_MS })],
  ["nor in years, without an expiry", "explain at 2035", { code: "valid" }, (t) => t.explain("ci", { at: "2035-01-01" })],
  ["a Tenant Admin's key has a Tenant Admin's privileges", "tenant, network, storage", ["valid", "valid", "valid"], async (t) => {
    const ask = async (permission) => (await t.ask("ci", { permission })).code;
    return [await ask("tenant.update"), await ask("network.rule.create"), await ask("storage.view")];
  }],
  ["a System Admin's key is good for everything", "create for sysop, system.update", { code: "valid", roles: ["system-admin"] }, async (t) => {
    await t.create({ name: "system", owner: "sysop" });
    return t.until("valid", "system", { permission: "system.update" });
  }],
  ["a user without any has keys that are good for nothing, which is told", "create for admin, who was given no role",
    { status: 201, warnings: [{ code: "no_roles", message: /`admin` has none.*PATCH .*\/orgs\/main\/owners\/admin with `roles`/ }] }, (t) =>
      t.create({ name: "default user's", owner: "admin" })],
  ["with the command that helps", "what the warning says, by command; use", ["no_roles", 0, "valid"], async (t) => {
    const { out } = await t.cli("keys", "edit", t.ids["default user's"], "--description", "first");
    const [, command] = /`edgelatch ([^`]*)`$/.exec(out.warnings[0].message);
    const { code } = await t.cli(...command.replace("ROLE", "operator").split(" "));
    return [out.warnings[0].code, code, (await t.until("valid", "default user's", { permission: "vm.start" })).code];
  }],
  ["what the user loses, the key loses", "alice becomes read-only", { status: 403, code: "permission_denied" }, async (t) => {
    await owner(t, "alice", { roles: ["read-only"] });
    return t.until("permission_denied", "ci", { permission: "vm.start" });
  }],
  ["and what the user keeps, it keeps", "use for vm.view", { code: "valid", roles: ["read-only"] }, (t) => t.ask("ci", { permission: "vm.view" })],
  ["a key has no permissions of its own", "create with a role", { status: 403, code: "not_allowed", pointer: "/roles" }, async (t) =>
    said(await t.create({ name: "own", owner: "alice", roles: ["system-admin"] }))],
  ["a disabled user's keys are refused", "disable alice", { status: 401, code: "owner_disabled" }, async (t) => {
    await owner(t, "alice", { disabled: true, roles: ["tenant-admin"] });
    return t.until("owner_disabled", "ci");
  }],
  ["and accepted again with the user", "owners enable, by command", { code: "valid" }, async (t) => {
    await t.cli("owners", "enable", "alice");
    return t.until("valid", "ci", { permission: "vm.start" });
  }],
];

const table = [
  ["a user's keys are listed", "list alice's", ["ci"], async (t) => (await t.list("?owner=alice")).map(({ name }) => name)],
  ["with name, last login, its address, days left and creation", "list after use",
    { name: "ci", last_used_at: /Z$/, last_used_ip: OFFICE, days_left: null, created_at: /Z$/ }, async (t) => {
      const look = async () => (await t.ask("ci", { from: OFFICE }), (await t.list("?owner=alice"))[0]);
      return settled(look, (key) => key.last_used_ip === OFFICE);
    }],
  ["a key says whose it is", "create without a user", { status: 422, code: "invalid", pointer: "/owner" }, async (t) => said(await t.create({ name: "whose" }))],
];

const settings = [
  ["a name is required", "create without", { status: 422, code: "invalid" }, async (t) => said(await t.create({ owner: "alice" }))],
  ["also by command", "keys create --owner alice", { code: 2 }, (t) => t.cli("keys", "create", "--owner", "alice")],
  ["a description is optional", "create with one", { status: 201, key: { description: "asked for by ops" } }, (t) =>
    t.create({ name: "described", owner: "alice", description: "asked for by ops" })],
  ["an expiry date can be set", "create with a date", { expires_at: "2032-03-01T00:00:00Z" }, async (t) =>
    (await t.create({ name: "dated", owner: "alice", expires_at: "2032-03-01" })).key],
  ["with its time of day", "create with a time", { expires_at: "2032-03-01T14:30:00Z" }, async (t) =>
    (await t.create({ name: "timed", owner: "alice", expires_at: "2032-03-01T15:30:00+01:00" })).key],
  ["as a picker writes it, it comes back", "keys create --expires, by command; show", ["2032-03-01T14:30:00Z", "2032-03-01T14:30:00Z"], async (t) => {
    const { out } = await t.createSaved("picked", ["--owner", "alice", "--expires", "2032-03-01T14:30:00Z"]);
    return [out.key.expires_at, (await t.key("picked")).expires_at];
  }],
  ["to the second", "explain a second before, and then", ["valid", "expired"], async (t) => {
    const at = async (time) => (await t.explain("picked", { at: time })).code;
    return [await at("2032-03-01T14:29:59Z"), await at("2032-03-01T14:30:00Z")];
  }],
  ["nothing of it is dropped: a time of day says where", "create and edit without an offset, by REST and by command",
    [[422, "/expires_at", true], [422, "/expires_at", true], [2, true]], async (t) => {
      const [local, right] = ["2032-03-01T14:30", "2032-03-01T14:30:00Z"];
      const refused = ({ status, body }) => [status, body.pointer, body.detail.includes(right)];
      const { code, err } = await t.cli("keys", "edit", t.ids.picked, "--expires", local);
      return [
        refused(await t.create({ name: "local", owner: "alice", expires_at: local })), refused(await t.edit("picked", { expires_at: local })),
        [code, err.includes(right)],
      ];
    }],
  ["a date that is past is refused", "create with 2020", { status: 422, pointer: "/expires_at" }, async (t) =>
    said(await t.create({ name: "past", owner: "alice", expires_at: "2020-01-01" }))],
  ["or it never expires", "create with never", { expires_at: null, days_left: null }, async (t) =>
    (await t.create({ name: "perpetual", owner: "alice", expires_at: "never" })).key],
  ["30, 60 and 90 days are common", "create each", [30, 60, 90], async (t) => {
    const days = async (n) => (await t.create({ name: `days${n}`, owner: "alice", expires_at: `${n}d` })).key.days_left;
    return [await days(30), await days(60), await days(90)];
  }],
  ["it is good until then", "explain at day 89", { code: "valid" }, (t) => t.explain("days90", { at: "89d" })],
  ["and no longer", "explain at day 91", { code: "expired" }, (t) => t.explain("days90", { at: "91d" })],
  ["keys that end soon can be found", "list those of the next 31 days", ["days30"], async (t) =>
    (await t.list("?expires_before=31d&sort=expires")).map(({ name }) => name)],
  ["the edge sees to that by its clock", "a week's key, 6 days and 7 days on", ["valid", "expired"], async (t) => {
    await t.create({ name: "week", owner: "alice", expires_at: "7d" });
    await t.until("valid", "week");
    return [(await t.ask("week", { ahead: 6 * DAY_MS })).code, (await t.ask("week", { ahead: 7 * DAY_MS })).code];
  }],
];

const retrieve = [
  ["submitting shows the key", "create", { status: 201, repeated: false, secret: /^vos_[0-9A-Za-z]{36}$/ }, async (t) => {
    t.shown = await t.create({ name: "shown", owner: "alice" }, { headers: { "idempotency-key": "shown-1" } });
    return t.shown;
  }],
  ["what was copied works", "use it", { code: "valid", name: "shown" }, (t) => t.until("valid", "shown")],
  ["it can be saved as a .PAK file, for its owner alone", "keys create --save", { code: 0, mode: "600", out: { secret: null } }, (t) =>
    t.createSaved("saved", ["--owner", "alice"])],
  ["what was saved works", "use it", { code: "valid", name: "saved" }, (t) => t.until("valid", "saved")],
  ["a file that is there is not written over", "save there again", { code: 2 }, (t) => t.createSaved("saved", ["--owner", "alice"])],
  ["it is shown this once", "the same request again", { status: 200, repeated: true, secret: null, key: { name: "shown" } }, (t) =>
    t.create({ name: "shown", owner: "alice" }, { headers: { "idempotency-key": "shown-1" } })],
  ["a lost key cannot be given another secret", "rotate", { status: 403, code: "not_allowed" }, async (t) => said(await t.rotate("shown", {}))],
  ["the new key is in the table", "list", true, async (t) => (await t.list()).some(({ key_id }) => key_id === t.ids.shown)],
];

const editing = [
  ["name, description and expiry can be changed", "edit", { name: "CI 2", description: "moved", expires_at: "2032-01-01T00:00:00Z" }, async (t) =>
    (await t.edit("shown", { name: "CI 2", description: "moved", expires_at: "2032-01-01" })).key],
  ["the time of day, too", "edit, by command", "2032-01-01T08:15:30Z", async (t) =>
    (await t.cli("keys", "edit", t.ids.shown, "--expires", "2032-01-01T09:15:30+01:00")).out.key.expires_at],
  ["the edge hears of it", "use", "CI 2", async (t) => (await settled(() => t.ask("shown"), ({ name }) => name === "CI 2")).name],
  ["an expiry can be taken away again", "edit to never", { expires_at: null, days_left: null }, async (t) => (await t.edit("shown", { expires_at: "never" })).key],
  ["so can the IP lists", "edit allow", { code: "ip_denied" }, async (t) => {
    await t.edit("shown", { allow: [OFFICE] });
    return t.until("ip_denied", "shown");
  }],
  ["the key's text cannot", "edit secret", { status: 422 }, async (t) => said(await t.edit("shown", { secret: "vos_mine" }))],
  ["and stays what it was", "use; first characters", [true, "valid"], async (t) =>
    [t.secrets.shown.startsWith((await t.key("shown")).first_12), (await t.ask("shown", { from: OFFICE })).code]],
  ["nothing else is editable", "roles, scope, status", ["/roles", "/scope", "/status"], async (t) => {
    const pointer = async (body) => (await t.edit("shown", body)).body.pointer;
    return [await pointer({ roles: ["read-only"] }), await pointer({ scope: ["ai"] }), await pointer({ status: "revoked" })];
  }],
  ["two editors do not overwrite each other", "edit an old revision", { status: 412, code: "stale" }, async (t) =>
    said(await t.edit("shown", { name: "late" }, { headers: { "if-match": '"1"' } }))],
];

const deleting = [
  ["it must be confirmed", "DELETE without, with another key's name; keys delete", [[409, "unconfirmed"], [409, "unconfirmed"], [2, "unconfirmed"]], async (t) => {
    const refused = async (query) => [await t.rest("DELETE", `/keys/${t.ids.shown}${query}`)].map(({ status, body }) => [status, body.code])[0];
    const { code, error } = await t.cli("keys", "delete", t.ids.shown);
    return [await refused(""), await refused("?confirm=saved"), [code, error.code]];
  }],
  ["nothing was deleted by that", "use", { code: "valid" }, (t) => t.ask("shown", { from: OFFICE })],
  ["then the key is deleted", "DELETE, confirmed", { status: 200 }, (t) => t.rest("DELETE", `/keys/${t.ids.shown}?confirm=yes`)],
  ["which ends all its access at once", "use", { status: 401, code: "unknown" }, (t) => t.until("unknown", "shown", { from: OFFICE })],
  ["revoking is deleting", "keys revoke, by command", [0, true, "unknown"], async (t) => {
    const { code, out } = await t.cli("keys", "revoke", t.ids.saved);
    return [code, out.deleted, (await t.until("unknown", "saved")).code];
  }],
  ["by command, too", "keys delete --yes", [0, "unknown"], async (t) => {
    const { code } = await t.cli("keys", "delete", t.ids.picked, "--yes");
    return [code, (await t.until("unknown", "picked")).code];
  }],
  ["it is gone from the table", "show", { status: 404, code: "not_found" }, async (t) => said(await t.rest("GET", `/keys/${t.ids.shown}`))],
];

const using = [
  ["the header's scheme may be written in any case", "bearer", { code: "valid" }, (t) => t.edge.ask({ authorization: `bearer ${t.secrets.ci}` })],
  ["a GET with a content type passes", "as in the example", { status: 200 }, (t) =>
    t.edge.ask({ ...bearer(t.secrets.ci), "content-type": "application/json" }, { service: "api", permission: "system.view" })],
];

const security = [
  ["a key acts as its user, in the log of requests too", "the API's own log for alice", { method: "GET", code: "valid", status: 200, ip: OFFICE }, async (t) => {
    await t.ask("ci", { from: OFFICE, path: "/api/v4/system" });
    const log = () => t.rest("GET", `/keys/${t.ids.ci}/requests?limit=1`);
    return (await settled(log, ({ requests }) => requests?.[0]?.endpoint.endsWith("/api/v4/system"))).requests[0];
  }],
  ["who can use an address can be asked", "explain address", { one: true, both: false }, async (t) => {
    const { keys } = await t.rest("GET", `/explain/address?ip=${OFFICE.replace("100", "200")}&only_listed=true`);
    const { keys: office } = await t.rest("GET", `/explain/address?ip=${OFFICE}&only_listed=true`);
    const has = (list, name) => list.some(({ key }) => key.key_id === t.ids[name]);
    return { one: has(office, "one"), both: has(keys, "both") };
  }],
  ["unexpected access is seen by last login and address", "use from elsewhere", ELSEWHERE, async (t) => {
    const look = async () => (await t.ask("ci", { from: ELSEWHERE }), t.key("ci"));
    return (await settled(look, ({ last_used_ip }) => last_used_ip === ELSEWHERE)).last_used_ip;
  }],
  ["refused attempts are no logins", "use from a denied address", [null, 1], async (t) => {
    await t.create({ name: "fenced", owner: "alice", allow: [OFFICE] });
    await t.until("ip_denied", "fenced", { from: HOME });
    const key = await settled(() => t.key("fenced"), ({ refusals }) => refusals > 0);
    return [key.last_used_at, Math.min(key.refusals, 1)];
  }],
  ["unused keys can be found", "sort by last use, ascending", null, async (t) => (await t.list("?sort=last_used&direction=asc&limit=1"))[0].last_used_at],
];

const troubleshooting = [
  ["the scheme is missing", "Authorization: KEY", { status: 401, code: "missing" }, (t) => t.edge.ask({ authorization: t.secrets.ci })],
  ["extra spaces", "a space inside", { status: 400, code: "invalid_request" }, (t) => t.edge.ask(bearer(t.secrets.ci.replace("_", "_ ")))],
  ["truncation", "two characters short", { status: 401, code: "malformed" }, (t) => t.edge.ask(bearer(t.secrets.ci.slice(0, -2)))],
  ["denied though valid: the address is not permitted", "explain", { code: "ip_denied", status: 403, steps: /IP policy/ }, async (t) => {
    const { body } = await t.explain("one", { ip: HOME });
    return { ...body, steps: JSON.stringify(body.steps.find(({ passed }) => !passed)) };
  }],
  ["or it is on the deny list", "explain", { code: "ip_denied" }, (t) => t.explain("denying", { ip: ELSEWHERE })],
  ["expired: the table says so", "a key of four seconds", { before: "valid", code: "expired", state: "expired", days_left: 0 }, async (t) => {
    await t.create({ name: "brief", owner: "alice", expires_at: new Date(Date.now() + 4000).toISOString() });
    const { code: before } = await t.until("valid", "brief");
    const { code } = await t.until("expired", "brief");
    return { before, code, ...(await t.key("brief")) };
  }],
  ["a lost key is replaced by another", "delete, create", ["unknown", "valid"], async (t) => {
    await t.rest("DELETE", `/keys/${t.ids.brief}?confirm=brief`);
    await t.create({ name: "brief", owner: "alice" }, { as: "brief again" });
    return [(await t.until("unknown", "brief")).code, (await t.until("valid", "brief again")).code];
  }],
];

const draft = [
  ["the user is chosen when the key is made, and stays", "edit owner", { status: 403, code: "not_allowed", pointer: "/owner" }, async (t) => said(await t.edit("ci", { owner: "sysop" }))],
  ["keys of varying access belong to users of varying roles", "a service account's key", { code: "permission_denied", roles: undefined }, async (t) => {
    await t.rest("POST", "/owners", { body: { org: "main", owner: "robot", kind: "service", name: "Robot", roles: ["read-only"] } });
    await t.create({ name: "robot", owner: "robot" });
    return t.until("permission_denied", "robot", { permission: "vm.start" });
  }],
  ["activities can be tracked", "activity of the deleted key", [["key.delete", /^key_/], ["key.edit", /^key_/], ["key.edit", /^key_/], ["key.edit", /^cli:/], ["key.edit", /^key_/], ["key.create", /^key_/]], async (t) => {
    const { activity } = await t.rest("GET", `/activity?target=${t.ids.shown}`);
    return activity.map(({ action, actor }) => [action, actor]);
  }],
  ["and none of them was altered", "audit verify, by command", 0, async (t) => (await t.cli("audit", "verify")).code],
  ["no key was shown twice", "all answers, outputs and logs", [], (t) => t.leaks()],
];

export default {
  system: "VergeOS",
  preset: "vergeos",
  credential: bearer,
  begin: async (t) => {
    for (const [name, role] of [["alice", "tenant-admin"], ["sysop", "system-admin"]]) {
      await t.cli("owners", "create", name, "--role", role);
    }
  },
  sections: [
    ["Overview", overview], ["Understanding", understanding], ["Table", table], ["Settings", settings], ["Access", access],
    ["Save and retrieve", retrieve], ["Edit", editing], ["Delete", deleting], ["Using", using], ["Security", security],
    ["Troubleshooting", troubleshooting], ["Draft", draft],
  ],
};
