import { CODES } from "../generated/codes.js";
import { own } from "../util/own.js";
import type { UsageEvent } from "./event.js";

/** Characters of an endpoint that the control plane keeps at most (`limits.rs` of the registry has these bounds in bytes). */
const MAX_ENDPOINT = 512;
/** Stands for what is not known, or is no such thing. */
const NONE = "-";
const NAMES: ReadonlySet<string> = new Set(CODES.map((row) => row.name));

/**
 * The event as the control plane reads it, as JSON; `undefined` when it is none. The control plane refuses a whole batch for
 * one part that is not well formed, so such a part is left out here. The text shares no memory with the request's.
 */
export function eventText(event: UsageEvent, id: string): string | undefined {
  if (typeof event !== "object" || event === null || !NAMES.has(event.code)) return undefined;
  return JSON.stringify({
    key_id: matching(own(event, "keyId"), /^key_[0-9A-Za-z]{11}$/),
    at: Number.isSafeInteger(event.at) && event.at >= 0 ? event.at : Math.floor(Date.now() / 1000),
    method: matching(event.method, /^[A-Z-]{1,20}$/) ?? NONE,
    endpoint: endpointOf(event.endpoint),
    ip: addressOf(own(event, "ip")),
    country: matching(own(event, "country"), /^(?!XX|ZZ)[A-Z0-9]{2}$/),
    // A status that cannot be sent never was: the host made an error of it.
    status: Number.isInteger(event.status) && event.status >= 100 && event.status < 600 ? event.status : 500,
    code: event.code,
    event: matching(own(event, "event"), /^[!-~]{1,64}$/) ?? id,
  });
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
