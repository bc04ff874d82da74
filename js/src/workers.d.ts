declare module "cloudflare:workers" {
  /** Keeps work alive behind the response to the request that is being answered. Runtimes before August 2025 have none. */
  export const waitUntil: ((work: Promise<unknown>) => void) | undefined;
}
