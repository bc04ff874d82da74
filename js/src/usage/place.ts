import { linesOf } from "../block.js";
import type { ClientIp, NodeRequest } from "../types.js";

/** Where a platform says whose request it is: in a header of its own that holds one address, or by the connection. */
interface Place {
  readonly ip: string | undefined;
  /** A header that the platform removes from what clients send. */
  readonly country?: string;
}
const CONNECTION: Place = { ip: undefined };
const PLATFORMS: Readonly<Record<string, Place>> = {
  akamai: { ip: "true-client-ip" },
  "app-engine": { ip: "x-appengine-user-ip", country: "x-appengine-country" },
  azure: { ip: "x-azure-socketip" },
  bun: CONNECTION,
  cloudflare: { ip: "cf-connecting-ip" },
  deno: CONNECTION,
  fastly: CONNECTION,
  fly: { ip: "fly-client-ip" },
  lambda: CONNECTION,
  netlify: { ip: "x-nf-client-connection-ip" },
  node: CONNECTION,
  vercel: { ip: "x-vercel-forwarded-for" },
};

/** Reads where a request came from, for the log alone. Whether a key may be used from there is the core's to derive and decide. */
export class Origin {
  readonly #place: Place | undefined;

  /** Under a rule that takes deriving (trusted proxies, hop counts) nothing is read: a log without an address misleads nobody. */
  constructor(rule: ClientIp | undefined) {
    this.#place = rule === undefined ? CONNECTION : platformOf(rule);
  }

  ip(request: Request | NodeRequest, peer: string | undefined): string | undefined {
    if (this.#place === undefined) return undefined;
    const ip = this.#place.ip === undefined ? peer : single(request, this.#place.ip);
    return isStandIn(ip) ? undefined : ip;
  }

  country(request: Request | NodeRequest): string | undefined {
    // On Workers `cf` is the platform's own object; nothing that a client sends gets there.
    const country = (request as { cf?: { country?: unknown } }).cf?.country;
    if (typeof country === "string") return country;
    const header = this.#place?.country;
    return header === undefined ? undefined : single(request, header)?.toUpperCase();
  }
}

function platformOf(rule: ClientIp): Place | undefined {
  if (typeof rule === "string") return rule === "trust=none" || rule === "hops=0" ? CONNECTION : known(/^platform=([a-z-]+)$/.exec(rule)?.[1]);
  const { platform, ...others } = rule;
  return Object.values(others).every((value) => value === undefined) ? known(platform) : undefined;
}

function known(platform: string | undefined): Place | undefined {
  return platform !== undefined && Object.hasOwn(PLATFORMS, platform) ? PLATFORMS[platform] : undefined;
}

/** The value of a header that was sent once. */
function single(request: Request | NodeRequest, name: string): string | undefined {
  const { headers } = linesOf(request, [name]);
  const [line, ...rest] = headers.split("\n");
  return rest.length === 1 ? line?.slice(name.length + 1).replace(/^[ \t]+|[ \t]+$/g, "") : undefined;
}

/** Cloudflare may put an address from 240.0.0.0/4 where the real one is IPv6. */
function isStandIn(ip: string | undefined): boolean {
  return ip !== undefined && /^(?:::ffff:)?(?:24\d|25[0-5])\./i.test(ip);
}
