/** The description of a realm as `wasm/testing` reads it, which also says what each part means. */
import { OptionError } from "../errors.js";
import { type Options, optionsOf, UNCHECKED } from "../util/options.js";
import type { FakeKey } from "./types.js";

const FIELD = "\x1f";
const ITEM = "\x1e";
/** What the core accepts nowhere, and what divides the description. */
const CONTROL = /\p{Cc}/u;
const KEY: Options<FakeKey> = {
  roles: "names", scope: "all, or services", metadata: UNCHECKED, org: "a text", owner: "a text", name: "a text", notBefore: UNCHECKED, expiresAt: UNCHECKED,
  revoked: "true or false", ownerDisabled: "true or false", allow: "networks", deny: "networks", order: "allow_first or deny_first", secret: "a text",
};

/** A key, checked, with its text. */
export interface Described {
  readonly key: FakeKey;
  readonly text: string;
}

/** The key of that name, by its options. */
export function keyOf(name: string, given: FakeKey): FakeKey {
  return optionsOf(`fakeVerifier: key "${name}"`, given, KEY);
}

/** All of a realm. `issuedAt` and `notAfter` are Unix seconds. */
export function described(
  realm: { readonly name: string; readonly epoch: number; readonly issuedAt: number; readonly notAfter: number },
  shared: Readonly<Record<string, readonly string[]>>,
  keys: ReadonlyMap<string, Described>,
): string {
  const roles: string[] = [];
  const lines = [...keys].map(([name, { key, text }], place) => {
    const held = Object.entries(rolesOf(key, shared)).map(([role, patterns]) => roles.push(line("role", role, list(patterns))) - 1);
    const { org = "test-org", owner = "test-owner", name: title = name, metadata, notBefore, expiresAt, revoked = false, ownerDisabled = false, order = "allow_first" } = key;
    const json = metadata === undefined ? "" : JSON.stringify(metadata);
    return line("key", text, place + 1, org, owner, title, json, seconds(notBefore), seconds(expiresAt), Number(revoked), Number(ownerDisabled), list(held.map(String)), optional(key.scope === "all" ? undefined : key.scope), optional(key.allow), optional(key.deny), order);
  });
  return [line(realm.name, realm.epoch, realm.issuedAt, realm.notAfter), ...roles, ...lines].join("\n");
}

function rolesOf({ roles = [] }: FakeKey, shared: Readonly<Record<string, readonly string[]>>): Readonly<Record<string, readonly string[]>> {
  if (!Array.isArray(roles)) return roles as Readonly<Record<string, readonly string[]>>;
  return Object.fromEntries((roles as readonly string[]).map((role) => [role, Object.hasOwn(shared, role) ? (shared[role] ?? []) : []]));
}

function line(...fields: readonly (string | number)[]): string {
  return fields.map((field) => (typeof field === "number" || field.includes(ITEM) ? String(field) : plain(field))).join(FIELD);
}

function list(items: readonly string[]): string {
  return items.map(plain).join(ITEM);
}

function optional(items: readonly string[] | undefined): string {
  return items === undefined ? "*" : `=${list(items)}`;
}

function plain(text: string): string {
  if (typeof text !== "string" || CONTROL.test(text)) throw new OptionError("fakeVerifier: texts of keys and roles have no control characters");
  return text;
}

/** A moment, 0 for none. */
function seconds(date: Date | undefined): number {
  if (date === undefined) return 0;
  const at = Math.floor(Number(date) / 1000);
  if (!Number.isSafeInteger(at) || at < 1) throw new OptionError("fakeVerifier: notBefore and expiresAt are dates after 1970");
  return at;
}
