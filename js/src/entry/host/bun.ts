import type { Host } from "../../runtime.js";
import { own } from "../../util/own.js";

/** What `Bun.serve` passes behind the request. */
type Server = { requestIP(request: Request): { address: string } | null };

export const bun: Host = { mode: "timer", context: (request, [server]) => ({ peer: own((server as Server | undefined)?.requestIP?.(request), "address") }) };
