/** What replies and errors of `fetch` tell, without what is not for logs. */

/** The statuses that name another address (RFC 9110 section 15.4). */
const STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** A reply that points elsewhere. */
export interface Redirect {
  /** Where to; `undefined` if the reply does not say, or the runtime does not tell (`redirect: "manual"` in browsers). */
  readonly target: URL | undefined;
  /** The origin alone: path and query may hold what is not for logs. */
  readonly place: string;
}

/** What a reply to `redirect: "manual"` says about another address; `undefined` when it is no redirect. */
export function redirectOf({ type, status, headers }: Response, from: URL): Redirect | undefined {
  if (type === "opaqueredirect") return { target: undefined, place: "an address that this runtime does not tell" };
  if (!STATUSES.has(status)) return undefined;
  const location = headers.get("location");
  const target = location !== null && URL.canParse(location, from) ? new URL(location, from) : undefined;
  return { target, place: target === undefined ? "no address" : placeOf(target) };
}

function placeOf({ protocol, username, password, origin }: URL): string {
  if (protocol !== "https:" && protocol !== "http:") return `a ${protocol} address`;
  return username === "" && password === "" ? origin : "an address with credentials in it";
}

/** Whether nobody on the way there can read what is sent, such as a key. */
export function isSealed({ protocol, hostname }: URL): boolean {
  return protocol === "https:" || (protocol === "http:" && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname));
}

/** The words of an error alone: the object may hold the request. `secrets` are what such words must not repeat. */
export function reasonOf(error: unknown, secrets: readonly string[]): string {
  if (!(error instanceof Error)) return "fetch failed";
  const cause = (error.cause as { code?: unknown; message?: unknown } | undefined) ?? {};
  const why = typeof cause.code === "string" ? cause.code : cause.message;
  const words = typeof why === "string" && why !== "" ? `${error.message} (${why})` : error.message;
  return secrets.filter((secret) => secret !== "").reduce((text, secret) => text.replaceAll(secret, "…"), words);
}
