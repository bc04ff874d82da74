import type { WaitUntil } from "../../refresh/single-flight.js";
import type { Host } from "../../runtime.js";
import { waitUntilOf } from "./context.js";

/** Where Vercel says which request is being answered. */
const CURRENT = Symbol.for("@vercel/request-context");
type Current = { get?(): { waitUntil?: WaitUntil } | undefined } | undefined;

/** Vercel's edge runtime, and Next's: they end what is left when the response is out, and name a context only to some handlers. */
export const edgeLight: Host = {
  mode: "demand",
  waitUntil: (work) => ((globalThis as { [CURRENT]?: Current })[CURRENT]?.get?.()?.waitUntil?.(work)),
  context: (_request, [context]) => ({ waitUntil: waitUntilOf(context) }),
};
