/**
 * What objects say themselves. A name that an object does not have is looked up on `Object.prototype`, where a fault anywhere
 * in the program may have left a value ("prototype pollution"); such a value is no part of a request, a requirement or an option.
 */

/** What every object inherits: none of our names, unless somebody wrote on `Object.prototype`. */
export const INHERITED: Readonly<Record<string | number, unknown>> = {};

/** Stands for an argument or option that was left out: it says nothing. */
export const OMITTED: Readonly<Record<string, never>> = Object.freeze({});

/** The property of an object or of its class; `undefined` for one that `Object.prototype` alone has. */
export function own<T extends object, K extends keyof T & (string | number)>(holder: T | null | undefined, name: K): T[K] | undefined {
  return holder === null || holder === undefined ? undefined : ownValue(holder, name, holder[name], INHERITED[name as string | number]);
}

/** The same on the hot path: the caller reads both values, since a read by a name in a variable is slower. */
export function ownValue<V>(holder: object, name: string | number | symbol, value: V, inherited: unknown): V | undefined {
  return value === undefined || value !== inherited || Object.hasOwn(holder, name) ? value : undefined;
}

/**
 * The value, if it is a plain object. A promise, an array or a class instance is none, though none of its own properties may
 * contradict it; nor is an object whose prototype says part of what it means.
 */
export function plain(value: unknown): object | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Prototypes, and the language's own objects such as `Math`: what `RULES[name]` finds for a name like `__proto__`.
  if (Object.hasOwn(value, "constructor") || Symbol.toStringTag in value || Symbol.iterator in value) return undefined;
  if (prototype === Object.prototype || prototype === null) return value;
  // One of another realm (a frame, a `vm` context) is taken over by what it holds itself.
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, "isPrototypeOf") ? { ...value } : undefined;
}

/** What the parts hold themselves, in one object that inherits nothing; what is said later counts. */
export function ownCopy<T extends object>(...parts: readonly [T, ...Partial<T>[]]): T {
  return Object.assign(Object.create(null) as T, ...parts);
}

/** An optional argument, {@link OMITTED} if it was left out. One that is `undefined` was given: by a look-up that found nothing. */
export function argument(given: IArguments, index: number): unknown {
  return given.length > index ? given[index] : OMITTED;
}

/** An argument as it was said, which its caller may change while it is waited for: a copy of what a plain object holds. */
export function asSaid(given: unknown): unknown {
  const said = given === OMITTED ? undefined : plain(given);
  return said === undefined ? given : ownCopy(said);
}

/** The same for an option of an object that inherits nothing. */
export function option<T extends object>(given: T, name: keyof T & string): unknown {
  return name in given ? given[name] : OMITTED;
}
