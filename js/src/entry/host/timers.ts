import type { Host } from "../../runtime.js";

/** Wherever timers run between requests and a handler gets the request alone. On Node, `edgelatch/node` is for handlers that get the connection. */
export const timers: Host = { mode: "timer", context: () => ({}) };
