/** Objects of options: every name is known, and no variable that is not set passes for a decision. */
import { OptionError } from "../errors.js";
import { ownCopy, plain } from "./own.js";

/** For an option that may be `undefined`, which is as good as leaving it out; or that is needed, and judged where it is read. */
export const UNCHECKED = "";

/**
 * Every option by its name, so that a misspelt one is refused instead of silently protecting less. The text is what to give
 * for an option without which a verifier protects less: it is refused when it is `undefined`.
 */
export type Options<T> = Readonly<Record<keyof T, string>>;

/** The options that an object holds itself, checked against their table. Throws a `TypeError` that begins with `what`. */
export function optionsOf<T extends object>(what: string, given: T, table: Options<T>): T {
  const options = plain(given) as T | undefined;
  if (options === undefined) throw new OptionError(`${what}: a plain object is needed`);
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(table, name)) throw new OptionError(`${what}: unknown option "${name}"; known are ${Object.keys(table).join(", ")}`);
    const needed = table[name as keyof T];
    if (value === undefined && needed !== UNCHECKED) throw new OptionError(`${what}: ${name} is undefined: leave it out, or give ${needed}`);
  }
  return ownCopy(options);
}

/** A bound that is at least 1, or the usual one where it was left out. `Number.NaN` would be none. */
export function bound(name: string, value: number | undefined, fallback: number, max: number = Number.MAX_SAFE_INTEGER): number {
  if (value === undefined) return fallback;
  if (!Number.isInteger(value) || value < 1 || value > max) throw new OptionError(`${name}: a whole number from 1 to ${max} is needed`);
  return value;
}
