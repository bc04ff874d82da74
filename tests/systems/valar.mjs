// VALAR: an organisation's keys with full authority, six expiries, an allow list of fifty, twenty keys, rotation in place.
import { settled } from "./harness/edge.mjs";
import { DAY_MS, daysAhead, said } from "./harness/world.mjs";
import logs from "./valar-log.mjs";

const bearer = (secret) => ({ authorization: `Bearer ${secret}` });
const [OFFICE, ELSEWHERE] = ["192.168.1.1", "198.51.100.7"];
const addresses = (count) => Array.from({ length: count }, (_, n) => `10.9.${n}.0/24`);
const names = (keys) => keys.map(({ name }) => name);

const overview = [
  ["a key opens the API to programs", "create, use", { status: 200, code: "valid", name: "Production API" }, async (t) => {
    await t.create({ name: "Production API" }, { headers: { "idempotency-key": "production" } });
    return t.until("valid", "Production API");
  }],
  ["all of it: a key is the organisation's", "three services and permissions", ["valid", "valid", "valid"], async (t) => {
    const ask = async (service, permission) => (await t.ask("Production API", { service, permission })).code;
    return [await ask("space", "scene.create"), await ask("billing", "invoice.view"), await ask("admin", "member.delete")];
  }],
];

const table = [
  ["all the organisation's keys are in the table", "list", ["CI/CD Pipeline", "Production API"], async (t) => {
    await t.create({ name: "CI/CD Pipeline", expires_at: "1w" });
    return names(await t.list());
  }],
  ["and no other's", "an org beside it", [["Theirs"], 2], async (t) => {
    await t.cli("orgs", "create", "other");
    await t.cli("owners", "create", "admin", "--org", "other");
    await t.create({ org: "other", name: "Theirs" });
    return [names(await t.list("?org=other")), (await t.list("?org=main")).length];
  }],
  ["by its first 12 characters, never more", "list", [12, true, false], async (t) => {
    const [key] = await t.list("?search=Production");
    const secret = t.secrets["Production API"];
    return [key.first_12.length, secret.startsWith(key.first_12), JSON.stringify(key).includes(secret.slice(0, 13))];
  }],
  ["its status is active or revoked", "list", ["active", "active"], async (t) => (await t.list("?org=main")).map(({ state }) => state)],
  ["it says when it expires, or never", "list", [7, null], async (t) => (await t.list("?org=main")).map(({ expires_at, days_left }) => expires_at && days_left)],
  ["and when it was last used", "list after use", [null, true], async (t) => {
    await t.ask("Production API");
    const used = await settled(() => t.key("Production API"), ({ last_used_at }) => last_used_at !== null);
    return [(await t.key("CI/CD Pipeline")).last_used_at, Math.abs(Date.parse(used.last_used_at) - Date.now()) < 60_000];
  }],
];

const EXPIRIES = [["1d", 1], ["1w", 7], ["1mo", [28, 31]], ["3mo", [89, 92]], ["1y", [365, 366]]];

const creating = [
  ["a name is needed", "create without", { status: 422 }, async (t) => said(await t.create({}, { as: "nobody" }))],
  ...EXPIRIES.map(([choice, days]) => [`it can expire after ${choice}`, `create with ${choice}; explain before and after`, [true, "valid", "expired"], async (t) => {
    const made = await t.create({ name: `for ${choice}`, expires_at: choice });
    const [least, most] = [days].flat().length === 1 ? [days, days] : days;
    const end = Date.parse(made.key.expires_at);
    const at = async (ms) => (await t.explain(`for ${choice}`, { at: new Date(ms).toISOString().replace(/\.\d+/, "") })).body.code;
    const ahead = daysAhead(made.key.expires_at);
    return [ahead >= least && ahead <= most, await at(end - 1000), await at(end)];
  }]),
  ["or not at all", "create with never", { expires_at: null, days_left: null, state: "active" }, async (t) => (await t.create({ name: "for ever", expires_at: "never" })).key],
  ["other expiries are not offered", "2d; a date", [["not_allowed", "/expires_at"], ["not_allowed", "/expires_at"]], async (t) => {
    const tried = async (expires_at) => [await t.create({ name: "odd", expires_at })].map(({ body }) => [body.code, body.pointer])[0];
    return [await tried("2d"), await tried("2031-01-01")];
  }],
  ["the edge ends it by its clock", "23 hours and a day on", ["valid", "expired"], async (t) => {
    await t.until("valid", "for 1d");
    return [(await t.ask("for 1d", { ahead: DAY_MS - 3_600_000 })).code, (await t.ask("for 1d", { ahead: DAY_MS })).code];
  }],
  ["addresses that can use it may be listed", "allow one and a range", { [OFFICE]: "valid", "10.0.0.9": "valid", "10.0.1.9": "ip_denied", [ELSEWHERE]: "ip_denied" }, async (t) => {
    await t.create({ name: "listed", allow: [OFFICE, "10.0.0.0/24"] });
    await t.until("valid", "listed", { from: OFFICE });
    return t.from("listed", [OFFICE, "10.0.0.9", "10.0.1.9", ELSEWHERE]);
  }],
  ["what is no address or range is refused", "10.0.0.5/24, 300.1.1.1", ["/allow/0", "/allow/1"], async (t) => [
    (await t.create({ name: "odd", allow: ["10.0.0.5/24"] })).body.pointer,
    (await t.create({ name: "odd", allow: [OFFICE, "300.1.1.1"] })).body.pointer,
  ]],
  ["fifty entries at most", "create with 50, with 51", [201, 409, "limit_reached", "/allow"], async (t) => {
    const fifty = await t.create({ name: "fifty", allow: addresses(50) });
    const more = await t.create({ name: "fifty-one", allow: addresses(51) });
    return [fifty.status, more.status, more.body.code, more.body.pointer];
  }],
  ["each of them counts", "the first, the last, the one that is missing", ["valid", "valid", "ip_denied"], async (t) => {
    await t.until("valid", "fifty", { from: "10.9.0.1" });
    return Object.values(await t.from("fifty", ["10.9.0.1", "10.9.49.1", "10.9.50.1"]));
  }],
  ["an empty list lets all come", "two addresses", { [OFFICE]: "valid", [ELSEWHERE]: "valid" }, (t) => t.from("Production API", [OFFICE, ELSEWHERE])],
];

const copying = [
  ["the new key is shown in full", "create", { status: 201, secret: /^vsp_sk_[0-9A-Za-z]{36}$/ }, (t) => t.create({ name: "Shown" }, { headers: { "idempotency-key": "shown" } })],
  ["this once", "the same request again", { status: 200, secret: null, repeated: true, key: { name: "Shown" } }, (t) =>
    t.create({ name: "Shown" }, { headers: { "idempotency-key": "shown" } })],
  ["it cannot be retrieved later", "show, by REST and by command", [false, false], async (t) => {
    const { out } = await t.cli("keys", "show", t.ids.Shown);
    return [JSON.stringify(await t.key("Shown")), JSON.stringify(out)].map((text) => text.includes(t.secrets.Shown));
  }],
  ["it can be stored securely", "keys create --save", { mode: "600", code: 0 }, (t) => t.createSaved("Saved", ["--expires", "3mo"])],
  ["what was copied works", "use both", ["valid", "valid"], async (t) => [(await t.until("valid", "Shown")).code, (await t.until("valid", "Saved")).code]],
];

const editing = [
  ["the name can be changed", "edit; the edge's name for it", "Renamed", async (t) => {
    await t.edit("Shown", { name: "Renamed" });
    return (await settled(() => t.ask("Shown"), ({ name }) => name === "Renamed")).name;
  }],
  ["the status can be set to revoked, which stops all access", "edit status", { status: 401, code: "revoked", challenge: /invalid_token/ }, async (t) => {
    await t.edit("Shown", { status: "revoked" });
    return t.until("revoked", "Shown");
  }],
  ["the table shows it", "list ?state=revoked", ["Renamed"], async (t) => names(await t.list("?state=revoked"))],
  ["until it is enabled again", "edit status", { status: 200, code: "valid" }, async (t) => {
    await t.edit("Shown", { status: "active" });
    return t.until("valid", "Shown");
  }],
  ["by command likewise", "keys revoke, keys enable", ["revoked", "valid"], async (t) => {
    await t.cli("keys", "revoke", t.ids.Shown);
    const { code } = await t.until("revoked", "Shown");
    await t.cli("keys", "enable", t.ids.Shown);
    return [code, (await t.until("valid", "Shown")).code];
  }],
  ["restrictions can be added", "edit allow", ["ip_denied", "valid"], async (t) => {
    await t.edit("Shown", { allow: [OFFICE] });
    return [(await t.until("ip_denied", "Shown")).code, (await t.ask("Shown", { from: OFFICE })).code];
  }],
  ["and removed: without any, all addresses are let in, and the administrator is told", "edit allow to nothing", ["opens_to_all", "valid"], async (t) => {
    const { warnings } = await t.edit("Shown", { allow: [] });
    return [warnings[0]?.code, (await t.until("valid", "Shown")).code];
  }],
  ["fifty is the limit here, too", "edit to 51", { status: 409, code: "limit_reached", pointer: "/allow" }, async (t) => said(await t.edit("Shown", { allow: addresses(51) }))],
  ["nothing else can be edited", "expiry, roles, description, deny", ["/expires_at", "/roles", "/description", "/deny"], async (t) => {
    const pointer = async (body) => (await t.edit("Shown", body)).body.pointer;
    return [await pointer({ expires_at: "1y" }), await pointer({ roles: [] }), await pointer({ description: "x" }), await pointer({ deny: [OFFICE] })];
  }],
];

const rotating = [
  ["the name is typed to confirm", "rotate without, with another", [["unconfirmed", "/confirm"], ["unconfirmed", "/confirm"]], async (t) => {
    const tried = async (body) => [await t.rotate("listed", body)].map((reply) => [reply.body.code, reply.body.pointer])[0];
    return [await tried({}), await tried({ confirm: "Listed" })];
  }],
  ["then there is a new secret, shown once", "rotate", { status: 200, secret: /^vsp_sk_/, again: null }, async (t) => {
    t.before = await t.key("listed");
    const headers = { "idempotency-key": "rotate-listed" };
    const first = await t.rotate("listed", { confirm: "listed" }, { headers });
    const second = await t.rotate("listed", { confirm: "listed" }, { headers });
    return { status: first.status, secret: first.secret, again: second.secret };
  }],
  ["the old one is invalid at once", "use it", { status: 401, code: "unknown" }, (t) => t.edge.until("unknown", t.secrets["listed, old"], { from: OFFICE })],
  ["the new one works", "use it", { code: "valid" }, (t) => t.until("valid", "listed", { from: OFFICE })],
  ["id, name and settings stay", "compare", [true, true, "ip_denied"], async (t) => {
    const after = await t.key("listed");
    const same = ["key_id", "name", "allow", "expires_at", "scope", "created_at"].every((name) => JSON.stringify(after[name]) === JSON.stringify(t.before[name]));
    return [same, after.first_12 !== t.before.first_12, (await t.ask("listed", { from: ELSEWHERE })).code];
  }],
  ["no overlap is granted", "rotate with one", { status: 403, code: "not_allowed", pointer: "/overlap" }, async (t) =>
    said(await t.rotate("listed", { confirm: "listed", overlap: "1h" }))],
  ["by command likewise", "keys rotate --confirm --save", [0, "unknown", "valid"], async (t) => {
    const path = t.control.file("rotated.PAK");
    const { code } = await t.cli("keys", "rotate", t.ids.Saved, "--confirm", "Saved", "--save", path);
    t.keepFile("Saved again", t.ids.Saved, path);
    return [code, (await t.until("unknown", "Saved")).code, (await t.until("valid", "Saved again")).code];
  }],
];

const deleting = [
  ["the name is typed to confirm", "delete without, with another", ["unconfirmed", "unconfirmed"], async (t) => [
    (await t.rest("DELETE", `/keys/${t.ids.Shown}`)).body.code,
    (await t.cli("keys", "delete", t.ids.Shown, "--confirm", "renamed")).error?.code,
  ]],
  ["nothing was deleted by that", "use", { code: "valid" }, (t) => t.ask("Shown")],
  ["then all access is lost at once", "delete", [200, 401, "unknown"], async (t) => {
    const { status } = await t.rest("DELETE", `/keys/${t.ids.Shown}?confirm=Renamed`);
    const lost = await t.until("unknown", "Shown");
    return [status, lost.status, lost.code];
  }],
  ["it cannot be undone", "enable, show", [404, 404], async (t) =>
    [(await t.rest("POST", `/keys/${t.ids.Shown}/enable`)).status, (await t.rest("GET", `/keys/${t.ids.Shown}`)).status]],
];

const using = [
  ["in Authorization, by the Bearer scheme", "use", { status: 200 }, (t) => t.edge.ask(bearer(t.secrets["Production API"]))],
  ["not otherwise", "X-API-Key; Basic", ["missing", "missing"], async (t) => [
    (await t.edge.ask({ "x-api-key": t.secrets["Production API"] })).code,
    (await t.edge.ask({ authorization: `Basic ${t.secrets["Production API"]}` })).code,
  ]],
  ["every key begins with vsp_sk_", "all secrets", true, (t) => t.issued().every((secret) => secret.startsWith("vsp_sk_"))],
];

const limits = [
  ["twenty keys an organisation", "create up to twenty, and another", [20, 409, "limit_reached", "/org"], async (t) => {
    for (let n = (await t.list("?org=main&limit=100")).length; n < 20; n++) await t.create({ name: `filler ${n}` });
    const { status, body } = await t.create({ name: "twenty-first" });
    return [(await t.list("?org=main&limit=100")).length, status, body.code, body.pointer];
  }],
  ["revoked ones count", "revoke one, create", 409, async (t) => {
    await t.edit("filler 19", { status: "revoked" });
    return (await t.create({ name: "twenty-first" })).status;
  }],
  ["deleting one makes room", "delete it, create", 201, async (t) => {
    await t.rest("DELETE", `/keys/${t.ids["filler 19"]}?confirm=filler%2019`);
    return (await t.create({ name: "twenty-first" })).status;
  }],
  ["two at once for the last place: one gets it", "delete one, create two", [201, 409], async (t) => {
    await t.rest("DELETE", `/keys/${t.ids["twenty-first"]}?confirm=twenty-first`);
    const both = await Promise.all(["left", "right"].map((name) => t.create({ name })));
    return both.map(({ status }) => status).toSorted();
  }],
  ["who did what is in the activity log", "acts on the deleted key", ["key.delete", "key.enable", "key.revoke"], async (t) => {
    const { activity } = await t.rest("GET", `/activity?target=${t.ids.Shown}&limit=100`);
    return [...new Set(activity.map(({ action }) => action))].filter((action) => /delete|enable|revoke/.test(action)).toSorted();
  }],
  ["no key was shown twice", "all answers, outputs and logs", [], (t) => t.leaks()],
];

export default {
  system: "VALAR",
  preset: "valar",
  credential: bearer,
  sections: [
    ["Overview", overview], ["Table", table], ["Creating", creating], ["Copying", copying], ["Editing", editing], ["Rotating", rotating],
    ["Deleting", deleting], ["Audit log", logs], ["Using", using], ["Limits", limits],
  ],
};
