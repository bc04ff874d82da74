/** What replies and responses say of the place where the key stands. */
import { CREDENTIAL_HEADERS } from "../generated/codes.js";

export interface Manner {
  /** The scheme that a challenge names (RFC 9110 section 11.6.1). */
  readonly challenge: string;
  /** The request headers that a response may depend on, as `Vary` lists them. */
  readonly vary: string;
}

const HEADERS: readonly string[] = Object.values(CREDENTIAL_HEADERS);

/** Where the key stands in the headers of the realm only. */
export const USUAL: Manner = { challenge: "Bearer", vary: HEADERS.join(", ") };

/** Where it may stand in one more. */
export function mannerOf(header: string, scheme: string | undefined): Manner {
  const known = HEADERS.some((name) => name.toLowerCase() === header.toLowerCase());
  return { challenge: scheme ?? USUAL.challenge, vary: known ? USUAL.vary : `${USUAL.vary}, ${header}` };
}
