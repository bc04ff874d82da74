/** The options of `createVerifier`, and the core's text form of those that are the core's. */
import { type Manner, mannerOf } from "./engine/manner.js";
import { OptionError } from "./errors.js";
import type { ClientIp, LazyOptions, Pepper, RefreshOptions, VerifierOptions } from "./types/options.js";
import { type Options, optionsOf, UNCHECKED } from "./util/options.js";
import { ownCopy } from "./util/own.js";

const MILLISECONDS = "milliseconds";
const WHOLE = "a whole number";
const OPTIONS: Options<VerifierOptions> = {
  root: UNCHECKED, source: UNCHECKED, cache: UNCHECKED, refresh: "an object", lazy: "an object", minEpoch: WHOLE, graceSeconds: UNCHECKED, clientIp: "a rule", credentials: "their names", query: UNCHECKED, location: "an object", service: "its name",
  maskIp: "true or false", allowPreflight: UNCHECKED, floor: "an object", pepper: "the realm's pepper", usage: UNCHECKED, onVerdict: UNCHECKED, onUpdate: UNCHECKED, onError: UNCHECKED, signal: UNCHECKED, now: UNCHECKED,
  wasm: UNCHECKED,
};
const REFRESH: Options<RefreshOptions> = {
  interval: MILLISECONDS, maxBackoff: MILLISECONDS, deadline: MILLISECONDS, maxAge: MILLISECONDS, maxWait: MILLISECONDS, stream: "true or false", mode: "timer, demand or manual",
};
const LAZY: Options<LazyOptions> = { bytes: UNCHECKED, fetchesPerSecond: WHOLE };
const CLIENT_IP: Options<Exclude<ClientIp, string>> = { trust: "networks", hops: WHOLE, platform: "its name", header: "its name" };
const LOCATION: Options<{ header?: string; scheme?: string; basic?: string }> = { header: "its name", scheme: "its name", basic: "username or password" };
const FLOOR: Options<NonNullable<VerifierOptions["floor"]>> = { rootVersion: UNCHECKED, epoch: UNCHECKED };

/** The options of `createVerifier`, checked by name. */
export function verifierOptions(given: VerifierOptions): VerifierOptions {
  const options = optionsOf("createVerifier", given, OPTIONS);
  const { cache } = options;
  if (cache !== undefined && (typeof cache?.get !== "function" || typeof cache.put !== "function")) throw new OptionError("cache: an object with the methods get() and put() is needed");
  return options.refresh === undefined ? options : ownCopy(options, { refresh: optionsOf("refresh", options.refresh, REFRESH) });
}

/** Translates options into the core's configuration text: `key=value` lines, which the core validates. */
export function configText(options: VerifierOptions): string {
  const own = locationOf(options);
  const lines: string[] = [];
  const line = (key: string, value: string) => {
    if (/[\r\n]/.test(value)) throw new OptionError(`${key}: the value must not contain a line break`);
    lines.push(`${key}=${value}\n`);
  };
  if (options.credentials !== undefined) line("credentials", (own === undefined && options.query === undefined ? list : items)("credentials", options.credentials));
  if (own !== undefined) line("location", own.text);
  if (options.query !== undefined) line("query", text("query", options.query));
  if (options.service !== undefined) line("service", text("service", options.service));
  if (flag("maskIp", options.maskIp)) line("mask_ip", "on");
  if (flag("allowPreflight", options.allowPreflight)) line("allow_preflight", "on");
  if (options.clientIp !== undefined) line("client_ip", clientIpRule(options.clientIp));
  if (options.graceSeconds !== undefined) line("grace", whole("graceSeconds", options.graceSeconds));
  if (options.minEpoch !== undefined) line("min_epoch", whole("minEpoch", options.minEpoch));
  if (options.lazy !== undefined) {
    const { bytes, fetchesPerSecond } = optionsOf("lazy", options.lazy, LAZY);
    line("lazy", whole("lazy.bytes", bytes));
    if (fetchesPerSecond !== undefined) line("fetches", whole("lazy.fetchesPerSecond", fetchesPerSecond));
  }
  if (options.floor !== undefined) {
    const { rootVersion, epoch } = optionsOf("floor", options.floor, FLOOR);
    line("floor", `${whole("floor.rootVersion", rootVersion)}:${whole("floor.epoch", epoch)}`);
  }
  if (options.pepper !== undefined) line("pepper", peppers([options.pepper].flat()));
  return lines.join("");
}

function clientIpRule(given: ClientIp): string {
  if (typeof given === "string") return given;
  const rule = optionsOf("clientIp", given, CLIENT_IP);
  const parts: string[] = [];
  if (rule.trust !== undefined) parts.push(`trust=${list("clientIp.trust", rule.trust)}`);
  if (rule.hops !== undefined) parts.push(`hops=${whole("clientIp.hops", rule.hops)}`);
  if (rule.platform !== undefined) parts.push(`platform=${word("clientIp.platform", rule.platform)}`);
  if (rule.header !== undefined) parts.push(`header=${word("clientIp.header", rule.header)}`);
  if (parts.length === 0) throw new OptionError("clientIp: at least one of trust, hops, platform, header is needed");
  return parts.join(";");
}

/** The bytes of the root, from bytes or from base64 or base64url text. */
export function rootBytes(root: Uint8Array | string): Uint8Array {
  return bytes("root", root);
}

/** What is wrong with one is said without it: it is a secret. */
function peppers(all: readonly Pepper[]): string {
  if (all.length === 0) throw new OptionError("pepper: at least one is needed; leave it out where the realm has none");
  return all.map((one) => Array.from(bytes("pepper", one), (byte) => byte.toString(16).padStart(2, "0")).join("")).join(",");
}

function bytes(key: string, value: Uint8Array | string): Uint8Array {
  if (value instanceof Uint8Array) return value;
  const base64 = text(key, value).replace(/\s+/g, "").replaceAll("-", "+").replaceAll("_", "/");
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    throw new OptionError(`${key}: the text is not base64 or base64url`);
  }
}

function text(key: string, value: unknown): string {
  if (typeof value !== "string" || value === "") throw new OptionError(`${key}: a non-empty text is needed`);
  return value;
}

/** One item of the core's text form: what would be split or trimmed there is not quietly read as something else. */
function word(key: string, value: unknown): string {
  const item = text(key, value);
  if (/[,;\s]/.test(item)) throw new OptionError(`${key}: "${item}" holds a space or a separator; give one item per entry`);
  return item;
}

function list(key: string, value: readonly unknown[]): string {
  if (!Array.isArray(value) || value.length === 0) throw new OptionError(`${key}: a non-empty array of texts is needed`);
  return items(key, value);
}

function items(key: string, value: readonly unknown[]): string {
  if (!Array.isArray(value)) throw new OptionError(`${key}: an array of texts is needed`);
  return value.map((item) => word(key, item)).join(",");
}

/** The place of the host's own for the key: as the core reads it, and what replies say of it. */
export function locationOf({ location }: VerifierOptions): { readonly text: string; readonly manner: Manner } | undefined {
  if (location === undefined) return undefined;
  const { header, scheme, basic } = optionsOf<{ header?: string; scheme?: string; basic?: string }>("location", location, LOCATION);
  if (basic !== undefined) {
    if (header !== undefined || scheme !== undefined) throw new OptionError("location: basic stands alone: it is the header Authorization");
    return { text: `basic ${word("location.basic", basic)}`, manner: mannerOf("Authorization", "Basic") };
  }
  if (header === undefined) throw new OptionError("location: header or basic is needed");
  const name = word("location.header", header);
  const own = scheme === undefined ? undefined : word("location.scheme", scheme);
  return { text: `header ${name}${own === undefined ? "" : ` ${own}`}`, manner: mannerOf(name, own) };
}

function whole(key: string, value: unknown): string {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new OptionError(`${key}: a whole number from 0 is needed`);
  return String(value);
}

function flag(key: string, value: unknown): boolean {
  if (value !== undefined && typeof value !== "boolean") throw new OptionError(`${key}: true or false is needed`);
  return value === true;
}
