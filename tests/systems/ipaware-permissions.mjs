// Who may manage keys: each of the four permissions alone lets one act pass, and the other three do not let it pass.
const ACTS = [
  ["api.key.create", "creates keys", (t, as) => t.create({ name: `by ${as.name}`, roles: ["read-only"] }, { by: as.secret, as: "spare" })],
  ["api.key.update", "edits keys", (t, as) => t.edit("lookups", { name: `by ${as.name}` }, { as: as.secret })],
  ["api.key.delete", "revokes keys", (t, as) => t.rest("POST", `/keys/${t.ids.spare}/revoke`, { as: as.secret })],
  ["api.key.view", "views keys", (t, as) => t.rest("GET", "/keys", { as: as.secret })],
];

/** A management key with just these permissions. */
async function holder(t, name, permissions) {
  const manage = (...args) => t.control.cli(args, { realm: "management" });
  await manage("roles", "create", name, "--permission", permissions.join(","));
  return { name, secret: await t.manager(name) };
}

const DONE = { create: 201 };

export default [
  ["without a key nobody manages keys", "no credential, an API key of the realm, a mistyped one", [401, 401, 401], async (t) => {
    const list = async (as) => (await t.rest("GET", "/keys", { as })).status;
    return [await list(null), await list(t.secrets.lookups), await list(`${t.control.administrator.slice(0, -1)}`)];
  }],
  ...ACTS.flatMap(([permission, does, act]) => {
    const verb = permission.slice("api.key.".length);
    const others = ACTS.map(([other]) => other).filter((other) => other !== permission);
    return [
      [`${permission} ${does}`, "with it alone", DONE[verb] ?? 200, async (t) => {
        await t.cli("orgs", "set", "main", "max_active_keys=50");
        return (await act(t, await holder(t, `only-${verb}`, [permission]))).status;
      }],
      [`nobody ${does} without it`, `with ${others.map((name) => name.slice(8)).join(", ")}`, { status: 403, code: /insufficient_scope/ }, async (t) => {
        const { status, headers } = await act(t, await holder(t, `not-${verb}`, others));
        return { status, code: headers.get("www-authenticate") ?? "" };
      }],
    ];
  }),
];
