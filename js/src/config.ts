import type { ClientIp, RefreshOptions, VerifierOptions } from "./types.js";

/** Every option, so that a misspelt one is refused instead of silently protecting less. */
const OPTIONS: Record<keyof VerifierOptions, true> = {
  root: true, source: true, refresh: true, minEpoch: true, graceSeconds: true, clientIp: true, sources: true, query: true,
  maskIp: true, allowPreflight: true, floor: true, pepper: true, usage: true, onVerdict: true, onError: true, now: true, wasm: true,
};
const REFRESH: Record<keyof RefreshOptions, true> = { interval: true, maxBackoff: true, deadline: true, mode: true };
const CLIENT_IP: Record<keyof Exclude<ClientIp, string>, true> = { trust: true, hops: true, platform: true, header: true };

/** Translates options into the core's configuration text: `key=value` lines, which the core validates. */
export function configText(options: VerifierOptions): string {
  known("createVerifier", options, OPTIONS);
  known("refresh", options.refresh ?? {}, REFRESH);
  const lines: string[] = [];
  const line = (key: string, value: string) => {
    if (/[\r\n]/.test(value)) throw new TypeError(`${key}: the value must not contain a line break`);
    lines.push(`${key}=${value}\n`);
  };
  if (options.sources !== undefined) line("sources", list("sources", options.sources));
  if (options.query !== undefined) line("query", text("query", options.query));
  if (flag("maskIp", options.maskIp)) line("mask_ip", "on");
  if (flag("allowPreflight", options.allowPreflight)) line("allow_preflight", "on");
  if (options.clientIp !== undefined) line("client_ip", clientIpRule(options.clientIp));
  if (options.graceSeconds !== undefined) line("grace", whole("graceSeconds", options.graceSeconds));
  if (options.minEpoch !== undefined) line("min_epoch", whole("minEpoch", options.minEpoch));
  if (options.floor !== undefined) {
    const { rootVersion, epoch } = options.floor;
    line("floor", `${whole("floor.rootVersion", rootVersion)}:${whole("floor.epoch", epoch)}`);
  }
  if (options.pepper !== undefined) line("pepper", `${whole("pepper.id", options.pepper.id)}:${hex("pepper.secret", options.pepper.secret)}`);
  return lines.join("");
}

function clientIpRule(rule: ClientIp): string {
  if (typeof rule === "string") return rule;
  known("clientIp", rule, CLIENT_IP);
  const parts: string[] = [];
  if (rule.trust !== undefined) parts.push(`trust=${list("clientIp.trust", rule.trust)}`);
  if (rule.hops !== undefined) parts.push(`hops=${whole("clientIp.hops", rule.hops)}`);
  if (rule.platform !== undefined) parts.push(`platform=${text("clientIp.platform", rule.platform)}`);
  if (rule.header !== undefined) parts.push(`header=${text("clientIp.header", rule.header)}`);
  if (parts.length === 0) throw new TypeError("clientIp: at least one of trust, hops, platform, header is needed");
  return parts.join(";");
}

/** The bytes of the root, from bytes or from base64 or base64url text. */
export function rootBytes(root: Uint8Array | string): Uint8Array {
  if (root instanceof Uint8Array) return root;
  const base64 = text("root", root).replace(/\s+/g, "").replaceAll("-", "+").replaceAll("_", "/");
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    throw new TypeError("root: the text is not base64 or base64url");
  }
}

/** Refuses property names that the table does not hold. */
export function known(what: string, object: object, table: object): void {
  for (const key of Object.keys(object)) {
    if (!Object.hasOwn(table, key)) throw new TypeError(`${what}: unknown option "${key}"; known are ${Object.keys(table).join(", ")}`);
  }
}

function text(key: string, value: unknown): string {
  if (typeof value !== "string" || value === "") throw new TypeError(`${key}: a non-empty text is needed`);
  return value;
}

/** One entry is one item: what would be split or trimmed in the core's text form is not quietly read as something else. */
function entry(key: string, value: string): string {
  if (/[,;\s]/.test(value)) throw new TypeError(`${key}: "${value}" holds a space or a separator; give one item per entry`);
  return value;
}

function hex(key: string, value: unknown): string {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${key}: bytes are needed`);
  return Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function list(key: string, value: readonly unknown[]): string {
  if (!Array.isArray(value) || value.length === 0) throw new TypeError(`${key}: a non-empty array of texts is needed`);
  return value.map((item) => entry(key, text(key, item))).join(",");
}

function whole(key: string, value: unknown): string {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new TypeError(`${key}: a whole number from 0 is needed`);
  return String(value);
}

function flag(key: string, value: unknown): boolean {
  if (value !== undefined && typeof value !== "boolean") throw new TypeError(`${key}: true or false is needed`);
  return value === true;
}
