/**
 * What objects say themselves. A name that an object does not have is looked up on `Object.prototype`, where a fault anywhere
 * in the program may have left a value; such a value is no part of a request, a requirement or an option.
 */

/** What every object inherits: none of our names, unless somebody wrote on `Object.prototype`. */
export const BARE: Readonly<Record<string | number, unknown>> = {};

/** Stands for an argument or option that was left out: it says nothing. */
export const NOTHING: Readonly<Record<string, never>> = Object.freeze({});

/** The property of an object or of its class; `undefined` for one that `Object.prototype` alone has. */
export function own<T extends object, K extends keyof T & (string | number)>(holder: T | null | undefined, name: K): T[K] | undefined {
  return holder === null || holder === undefined ? undefined : pick(holder, name, holder[name], BARE[name as string | number]);
}

/** The same where every request passes: the caller reads both, which is faster than by a name in a variable. */
export function pick<V>(holder: object, name: string | number | symbol, value: V, inherited: unknown): V | undefined {
  return value === undefined || value !== inherited || Object.hasOwn(holder, name) ? value : undefined;
}

/**
 * The value, if it is a plain object. A promise, an array or a class instance is none, though none of its own properties may
 * contradict it; nor is an object whose prototype says part of what it means.
 */
export function plain(value: unknown): object | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Prototypes and the language's own objects hold nothing that an option table could know: `RULES["__proto__"]` missed.
  if (Object.hasOwn(value, "constructor") || Symbol.toStringTag in value || Symbol.iterator in value) return undefined;
  if (prototype === Object.prototype || prototype === null) return value;
  // One of another realm (a frame, a `vm` context) is taken over by what it holds itself.
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, "isPrototypeOf") ? { ...value } : undefined;
}

/** What the parts hold themselves, in one object that inherits nothing; what is said later counts. */
export function only<T extends object>(...parts: readonly [T, ...Partial<T>[]]): T {
  return Object.assign(Object.create(null) as T, ...parts);
}

/** An optional argument, {@link NOTHING} if it was left out. One that is `undefined` was not: it is a look-up that missed. */
export function argument(given: IArguments, index: number): unknown {
  return given.length > index ? given[index] : NOTHING;
}

/** The same for an option of an object that inherits nothing. */
export function option<T extends object>(given: T, name: keyof T & string): unknown {
  return name in given ? given[name] : NOTHING;
}
