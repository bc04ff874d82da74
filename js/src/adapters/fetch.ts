/**
 * {@link Protect} for any host of fetch handlers (SvelteKit, Astro, Remix, service workers, …), which finds out nothing of the connection by itself:
 * the option `context` says what the host knows of it.
 *
 * @module
 */
import { protectWith } from "./protect.js";

export type { Protect, ProtectedHandler, ProtectOptions } from "./protect.js";

/** Puts the check in front of a fetch handler. */
export const protect = protectWith(() => ({}));
