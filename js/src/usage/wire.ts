import { CODES } from "../generated/codes.js";
import { INHERITED, ownValue } from "../util/own.js";
import type { UsageEvent } from "./event.js";

/** Characters of an endpoint that the control plane keeps at most (`limits.rs` of the registry has these bounds in bytes). */
export const MAX_ENDPOINT = 512;
/** Stands for what is not known, or is no such thing. */
const NONE = "-";
const NAMES: ReadonlySet<string> = new Set(CODES.map((row) => row.name));

/**
 * What writes events as the control plane reads them, as JSON; `undefined` for what is no event. The control plane refuses a whole batch for one
 * part that is not well formed, so such a part is left out here. What most events of an edge have in common is looked at once.
 */
export function eventWriter(): (event: UsageEvent, id: string) => string | undefined {
  const method = member("method", (value) => matching(value, /^[A-Z-]{1,20}$/) ?? NONE);
  const endpoint = member("endpoint", endpointOf);
  const ip = member("ip", addressOf);
  const country = member("country", (value) => matching(value, /^(?!XX|ZZ)[A-Z0-9]{2}$/));
  return (event, id) => {
    if (typeof event !== "object" || event === null || !NAMES.has(event.code)) return undefined;
    const { at, status, code } = event;
    const keyId = matching(ownValue(event, "keyId", event.keyId, INHERITED.keyId), /^key_[0-9A-Za-z]{11}$/);
    const own = matching(ownValue(event, "event", event.event, INHERITED.event), /^[!-~]{1,64}$/);
    // One text of its own, which keeps nothing else in memory: it waits for its batch.
    return [
      keyId === undefined ? "{" : `{"key_id":"${keyId}",`,
      `"at":${Number.isSafeInteger(at) && at >= 0 ? at : Math.floor(Date.now() / 1000)},`,
      method(event.method),
      endpoint(event.endpoint),
      ip(ownValue(event, "ip", event.ip, INHERITED.ip)),
      country(ownValue(event, "country", event.country, INHERITED.country)),
      // A status that cannot be sent never was: the host made an error of it.
      `"status":${Number.isInteger(status) && status >= 100 && status < 600 ? status : 500},"code":"${code}","event":`,
      own === undefined ? `"${id}"}` : `${JSON.stringify(own)}}`,
    ].join("");
  };
}

/** Values that a member remembers: then it begins anew. */
const MAX_KNOWN = 1024;

/** A member of that name for each value, with the comma behind it; nothing where the value means nothing. */
function member(name: string, meaning: (value: unknown) => string | undefined): (value: unknown) => string {
  const texts = new Map<unknown, string>();
  return (value) => {
    const known = texts.get(value);
    if (known !== undefined) return known;
    const meant = meaning(value);
    const text = meant === undefined ? "" : `"${name}":${JSON.stringify(meant)},`;
    if (texts.size >= MAX_KNOWN) texts.clear();
    if (typeof value !== "string" || value.length <= MAX_ENDPOINT) texts.set(value, text);
    return text;
  };
}

function matching(value: unknown, pattern: RegExp): string | undefined {
  return typeof value === "string" && pattern.test(value) ? value : undefined;
}

/** What nearly every path is: visible ASCII up to a query, of at most {@link MAX_ENDPOINT} characters. */
const PLAIN = /^\/[!"$->@-~]{0,511}(?=[?#]|$)/;

/** The path alone: a query could hold a credential, an authority a password. */
function endpointOf(endpoint: unknown): string {
  if (typeof endpoint !== "string") return NONE;
  const plain = PLAIN.exec(endpoint);
  if (plain !== null) return plain[0];
  const path = endpoint.split(/[?#]/, 1)[0]?.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, "") ?? "";
  return path.slice(0, MAX_ENDPOINT).replace(/[\p{Cc}\p{Cs}]/gu, "\ufffd") || NONE;
}

/** The address in a form that the control plane accepts. */
function addressOf(ip: unknown): string | undefined {
  if (typeof ip !== "string" || ip.length > 45) return undefined;
  const dotted = ip.replace(/^::ffff:(?=\d+\.)/i, "");
  if (/^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/.test(dotted) && !/(?:^|\.)0\d/.test(dotted)) return dotted;
  if (!/^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(ip)) return undefined;
  try {
    return new URL(`http://[${ip}]`).hostname.slice(1, -1);
  } catch {
    return undefined;
  }
}
