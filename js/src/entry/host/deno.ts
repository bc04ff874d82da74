import type { Host } from "../../runtime.js";
import { own } from "../../util/own.js";

/** What `Deno.serve` passes behind the request. */
type Info = { remoteAddr: { hostname: string } } | undefined;

export const deno: Host = { mode: "timer", context: (_request, [info]) => ({ peer: own(own(info as Info, "remoteAddr"), "hostname") }) };
