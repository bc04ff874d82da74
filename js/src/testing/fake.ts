/** Verifiers for tests: real ones, over a realm that is made and signed on the spot by the code that control planes publish with. */
import { OptionError } from "../errors.js";
import type { EntryPoint } from "../runtime.js";
import { type Options, optionsOf } from "../util/options.js";
import { Builder } from "./builder.js";
import { type Described, described, keyOf } from "./describe.js";
import type { FakeKey, FakeOptions, FakeVerifier } from "./types.js";

/** The longest that a head can be valid, seconds: as long again it serves by grace. */
const LIFETIME = 30 * 24 * 3600;
const OWN: Options<Pick<FakeOptions, "roles" | "realm">> = { roles: "an object", realm: "a name" };

/** What it decides itself. */
const TAKEN = ["root", "source", "refresh", "cache", "lazy", "floor", "minEpoch", "pepper", "wasm"] as const;

/** Makes `fakeVerifier` for a runtime. */
export function fakeVerifierWith({ createVerifier }: Pick<EntryPoint, "createVerifier">, builder: () => Promise<WebAssembly.Module>) {
  /**
   * A verifier whose realm has these keys and no others. Nothing leaves the process; verdicts are those of a published snapshot.
   *
   * ```ts
   * const latch = await fakeVerifier({ "key-a": { roles: { viewer: ["zone.view"] }, metadata: { plan: "pro" } } });
   * const verdict = latch.verify(new Request("https://h/zones", { headers: latch.headers("key-a") }), { permission: "zone.view" });
   * await latch.change({ "key-a": { revoked: true } });
   * ```
   *
   * Its snapshot is good for 60 days of the clock `now`, from the moment in which it was made or changed. Throws an `OptionError` for what no
   * control plane would publish.
   */
  return async function fakeVerifier<Name extends string, Metadata = unknown>(keys: Readonly<Record<Name, FakeKey<Metadata>>>, given: FakeOptions = {}): Promise<FakeVerifier<Name, Metadata>> {
    const { roles: shared = {}, realm: name = "test", ...options } = given;
    optionsOf("fakeVerifier", { roles: shared, realm: name }, OWN);
    const taken = TAKEN.find((option) => option in options);
    if (taken !== undefined) throw new OptionError(`fakeVerifier: ${taken} is its own affair`);
    const made = new Builder(await builder());
    const known = new Map<string, Described>();
    let epoch = 0;

    /** Takes the changes over once they have been published. */
    const publish = (changes: object) => {
      const next = new Map(known);
      for (const [name, change] of Object.entries(changes as Record<string, FakeKey>)) {
        const before = next.get(name);
        const key = { ...before?.key, ...keyOf(name, change) };
        next.set(name, { key, text: key.secret ?? before?.text ?? made.issue() });
      }
      const issuedAt = Math.floor((options.now ?? Date.now)() / 1000);
      const realm = made.realm(described({ name, epoch: epoch + 1, issuedAt, notAfter: issuedAt + LIFETIME }, shared, next));
      epoch++;
      for (const [name, key] of next) known.set(name, key);
      return realm;
    };

    let { root, bundle } = publish(keys);
    const verifier = await createVerifier<Metadata>({ graceSeconds: LIFETIME, ...options, root, source: { bundle: async () => ({ bytes: bundle }) }, refresh: { mode: "manual" } });
    await verifier.refresh();
    const texts = (): Record<Name, string> => Object.fromEntries([...known].map(([name, { text }]) => [name, text])) as Record<Name, string>;
    return Object.defineProperties(verifier, {
      keys: { get: texts, enumerable: true },
      headers: { value: (name: Name) => ({ authorization: `Bearer ${textOf(known, name)}` }) },
      change: {
        value: async (changes: object) => {
          ({ root, bundle } = publish(changes));
          await verifier.refresh();
        },
      },
    }) as FakeVerifier<Name, Metadata>;
  };
}

function textOf(known: ReadonlyMap<string, Described>, name: string): string {
  const key = known.get(name);
  if (key === undefined) throw new OptionError(`fakeVerifier: there is no key "${name}"; known are ${[...known.keys()].join(", ")}`);
  return key.text;
}
