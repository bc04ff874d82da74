/** What a shared cache must tell apart. RFC 9111 section 3.5 protects `Authorization` only. */
export const CREDENTIAL_FIELDS = ["Authorization", "X-API-Key"] as const;

/** The `Vary` value that names the credential fields too. */
export function varyWithCredentials(vary: string): string {
  const named = vary.toLowerCase().split(",").map((name) => name.trim());
  if (named.includes("*")) return vary;
  const missing = CREDENTIAL_FIELDS.filter((name) => !named.includes(name.toLowerCase()));
  return [...(vary === "" ? [] : [vary]), ...missing].join(", ");
}

/** Prefix of the headers that carry an identity from us to the application, lower case. They are never evidence. */
export const IDENTITY_PREFIX = "x-edgelatch-";
