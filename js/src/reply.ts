import type { CodeRow } from "./generated/codes.js";

/** An HTTP reply as plain data (RFC 9457 for its body), for hosts that do not speak `Response`. */
export interface Reply {
  /** HTTP status. */
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text; empty for HEAD. */
  readonly body: string;
}

/**
 * The reply of a code. Nothing in it comes from the request.
 *
 * @param challenge scheme and realm of a challenge
 * @param bare whether it goes without a challenge
 * @param head whether it answers HEAD
 */
export function replyOf(row: CodeRow, challenge: string, bare: boolean, head: boolean): Reply {
  const headers: Record<string, string> = { "content-type": "application/problem+json", "cache-control": "no-store" };
  if (row.challenge !== "none" && !bare) {
    const error = row.challenge === "plain" ? "" : `, error="${row.challenge}"`;
    headers["www-authenticate"] = `${challenge}${error}`;
  }
  if (row.retryAfter > 0) headers["retry-after"] = String(row.retryAfter);
  return { status: row.status, headers, body: head ? "" : row.body };
}

/** The reply as a fetch `Response`. */
export function responseOf({ status, headers, body }: Reply): Response {
  return new Response(body === "" ? null : body, { status, headers });
}
