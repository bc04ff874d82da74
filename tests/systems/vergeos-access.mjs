// VergeOS: from where a key may be used. Both lists take addresses and ranges, each entry with a checkbox.
import { said } from "./harness/world.mjs";

export const [OFFICE, HOME, ELSEWHERE] = ["192.0.2.100", "192.0.2.200", "198.51.100.7"];

export default [
  ["only a listed address can authenticate", "allow one", { [OFFICE]: "valid", [HOME]: "ip_denied" }, async (t) => {
    await t.create({ name: "one", owner: "alice", allow: [OFFICE] });
    await t.until("valid", "one", { from: OFFICE });
    return t.from("one", [OFFICE, HOME]);
  }],
  ["or one of a listed range", "allow 192.0.2.0/24", { [OFFICE]: "valid", [HOME]: "valid", [ELSEWHERE]: "ip_denied" }, async (t) => {
    await t.create({ name: "range", owner: "alice", allow: ["192.0.2.0/24"] });
    await t.until("valid", "range", { from: HOME });
    return t.from("range", [OFFICE, HOME, ELSEWHERE]);
  }],
  ["what is no range is refused", "allow 192.0.2.1/24", { status: 422, code: "invalid", pointer: "/allow/0" }, async (t) =>
    said(await t.create({ name: "bits", owner: "alice", allow: ["192.0.2.1/24"] }))],
  ["an entry counts once it is enabled", "one entry on, one off", { [OFFICE]: "valid", [HOME]: "ip_denied" }, async (t) => {
    const allow = [OFFICE, { cidr: HOME, enabled: false, note: "when the line is up" }];
    await t.create({ name: "switched", owner: "alice", allow });
    await t.until("valid", "switched", { from: OFFICE });
    return t.from("switched", [OFFICE, HOME]);
  }],
  ["by its checkbox", "edit --enable-allow, by command", { code: "valid" }, async (t) => {
    await t.cli("keys", "edit", t.ids.switched, "--enable-allow", HOME);
    return t.until("valid", "switched", { from: HOME });
  }],
  ["further entries can be added", "edit --add-allow", { "2001:db8::5": "valid", [OFFICE]: "valid", [ELSEWHERE]: "ip_denied" }, async (t) => {
    await t.cli("keys", "edit", t.ids.switched, "--add-allow", "2001:db8::/32=lab");
    await t.until("valid", "switched", { from: "2001:db8::5" });
    return t.from("switched", ["2001:db8::5", OFFICE, ELSEWHERE]);
  }],
  ["a deny list blocks its entries and lets all others come", "deny one and a range",
    { [OFFICE]: "ip_denied", "198.51.100.7": "ip_denied", [HOME]: "valid" }, async (t) => {
      await t.create({ name: "denying", owner: "alice", deny: [OFFICE, "198.51.100.0/24"] });
      await t.until("valid", "denying", { from: HOME });
      return t.from("denying", [OFFICE, ELSEWHERE, HOME]);
    }],
  ["its entries have a checkbox, too", "switch one off", { code: "valid" }, async (t) => {
    await t.edit("denying", { deny: [{ cidr: OFFICE, enabled: false }, "198.51.100.0/24"] });
    return t.until("valid", "denying", { from: OFFICE });
  }],
  ["of both lists, the allow list decides", "allow a /25, deny the /24 around it", { [OFFICE]: "valid", [HOME]: "ip_denied", [ELSEWHERE]: "ip_denied" }, async (t) => {
    const made = await t.create({ name: "both", owner: "alice", allow: ["192.0.2.0/25"], deny: ["192.0.2.0/24"] });
    t.warned = made.warnings;
    await t.until("valid", "both", { from: OFFICE });
    return t.from("both", [OFFICE, HOME, ELSEWHERE]);
  }],
  ["and whoever sets both is told", "the answer's warnings", [{ code: "deny_ignored", message: /take out of the allow list/ }], (t) => t.warned],
  ["no other order is advised, since there is none", "the advice; order deny_first", [false, { status: 403, code: "not_allowed", pointer: "/order" }], async (t) =>
    [JSON.stringify(t.warned).includes("deny_first"), said(await t.edit("both", { order: "deny_first" }))]],
];
