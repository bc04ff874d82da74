/** What is required of permissions, in the core's text: `a.b`, `a.b|c.d` for any of them, `a.b&c.d` for all. */
import { LIMIT } from "../generated/codes.js";
import { plain } from "../util/own.js";

/** What joins permissions there, and so can be part of none here: else one text could pass for several. */
const JOINS = /[|&]/;

/** The text for what a requirement says; `undefined` for what is not well formed. What the permissions themselves must be is the core's to say. */
export function demandOf(given: unknown): string | undefined {
  if (typeof given === "string") return JOINS.test(given) ? undefined : given;
  const several = plain(given);
  const said: [string, unknown][] = several === undefined ? [] : Object.entries(several);
  const [kind, permissions] = said[0] ?? [];
  if (said.length !== 1 || !Array.isArray(permissions) || permissions.length === 0 || permissions.length > LIMIT.demanded) return undefined;
  if (!permissions.every((permission) => typeof permission === "string" && !JOINS.test(permission))) return undefined;
  return kind === "any" ? permissions.join("|") : kind === "all" ? permissions.join("&") : undefined;
}
