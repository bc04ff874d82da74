import type { WaitUntil } from "../../refresh/single-flight.js";

/** What hosts pass a handler that end it with its response. */
type Context = { waitUntil?(work: Promise<unknown>): void } | undefined;

/** `undefined` where a handler was called without one: then the platform is asked which request it is answering. */
export function waitUntilOf(context: unknown): WaitUntil | undefined {
  const given = context as Context;
  return given?.waitUntil === undefined ? undefined : (work) => given.waitUntil?.(work);
}
