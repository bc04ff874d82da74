import type { VerifierOptions } from "../types/options.js";
import type { Verifier } from "../types/verifier.js";

/** A key of a test. What is left out is as usual: active, without end, from any address, for all services, with no role. */
export interface FakeKey<Metadata = unknown> {
  /** Its roles: by name, with the patterns that each grants, or by names of the option `roles`. A name that stands nowhere is a role that grants nothing. */
  readonly roles?: readonly string[] | Readonly<Record<string, readonly string[]>>;
  /** The services that it is for. Default: `all`. */
  readonly scope?: "all" | readonly string[];
  /** What `verdict.metadata` says. Default: none. */
  readonly metadata?: Metadata;
  /** Default `test-org`. */
  readonly org?: string;
  /** Default `test-owner`. */
  readonly owner?: string;
  /** Default: what it is called in the test. */
  readonly name?: string;
  /** From when it is accepted, by the clock `now`. Default: from ever. */
  readonly notBefore?: Date;
  /** From when it is not accepted any more. Default: never. */
  readonly expiresAt?: Date;
  /** Whether it was revoked. Default `false`. */
  readonly revoked?: boolean;
  /** Whether its owner is disabled. Default `false`. */
  readonly ownerDisabled?: boolean;
  /** Networks from which alone it may be used, such as `192.0.2.0/24`. */
  readonly allow?: readonly string[];
  /** Networks from which it may not. */
  readonly deny?: readonly string[];
  /** What counts for an address on both lists. Default `allow_first`. */
  readonly order?: "allow_first" | "deny_first";
  /** Its text, such as that of a key from elsewhere: 16 to 255 characters. Default: a new key. */
  readonly secret?: string;
}

/** Options of `fakeVerifier`: those of a verifier that do not concern where snapshots come from, and what keys of the test share. */
export interface FakeOptions extends Omit<VerifierOptions, "root" | "source" | "refresh" | "cache" | "lazy" | "floor" | "minEpoch" | "pepper" | "wasm"> {
  /** What roles grant, for keys that name them. */
  readonly roles?: Readonly<Record<string, readonly string[]>>;
  /** Default `test`. */
  readonly realm?: string;
}

/** A verifier over a realm of its own. */
export interface FakeVerifier<Name extends string = string, Metadata = unknown> extends Verifier<Metadata> {
  /** The text of each key, by what it is called in the test. */
  readonly keys: Readonly<Record<Name, string>>;
  /** Headers of a request with that key: `new Request(url, { headers: latch.headers("key-a") })`. */
  headers(key: Name): Record<"authorization", string>;
  /**
   * Publishes another epoch, in which these keys are changed by what is said of them, and resolves when it serves: `change({ "key-a": { revoked: true } })`.
   * Without changes the snapshot is merely signed anew.
   */
  change(keys: Readonly<Partial<Record<Name, FakeKey<Metadata>>>>): Promise<void>;
}
