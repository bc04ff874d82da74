import { Core, type Place } from "./core.js";
import { TrapError, UpdateError } from "./errors.js";

/** The core's answer to an offered head. */
export const Offer = { unchanged: 0, renewed: 1, treeNeeded: 2, rootNeeded: 3 } as const;
/** The core's answer to an offered head. */
export type Offer = (typeof Offer)[keyof typeof Offer];

/** What serves: replaced as a whole, so that a verdict can hold on to the one it was given under. */
export interface Snapshot {
  /** The instance that holds it: another one counts anew. */
  readonly core: Core | undefined;
  /** Counts the trees that the instance has served; an identity is read from the tree it was found in. */
  readonly generation: number;
  readonly epoch: number;
  readonly issuedAt: number;
  readonly rootVersion: number;
}

/** Time and turns of the event loop, from outside. */
export interface Pace {
  /** Unix seconds. */
  readonly now: () => number;
  /** Lets other work run. */
  readonly pause: () => Promise<void>;
}

/** Stands for a requirement that could not be chosen because the request has no well-formed path. */
export const NO_PATH = 0xffff_ffff;

/** The number of the code `internal`: what a stopped core answers. */
const INTERNAL = 16;
const NOTHING: Snapshot = { core: undefined, generation: 0, epoch: 0, issuedAt: 0, rootVersion: 0 };
/** Bytes per call while a bundle is hashed: short calls reach optimised code early, and can be interleaved. */
const SLICE = 1 << 15;
/** Slices between two turns of the event loop, about a millisecond. */
const SLICES_PER_TURN = 8;

/** The core, and what it takes to set up another instance after a trap. */
export class Engine {
  /** Names of the headers that the core wants to see, lower case. */
  readonly interest: readonly string[];
  /** The realm of the root. */
  readonly realm: string;
  /** What serves. */
  snapshot: Snapshot = NOTHING;
  /** Why the instance stopped. Until {@link restore} every verdict is `internal`. */
  trapped: TrapError | undefined;
  /** Whether a part of what serves turned out not to be what was signed; only a fresh copy mends that. */
  damaged = false;

  #core: Core;
  #turn = 0;
  readonly #fresh: (floor: string) => Core;
  readonly #onTrouble: (error: Error) => void;
  readonly #requirements: [service: string | undefined, permission: string | undefined][] = [];
  #roots: Uint8Array[] = [];
  #serving: (Place & { readonly epoch: number }) | undefined;
  #head: Uint8Array | undefined;

  constructor(module: WebAssembly.Module, root: Uint8Array, config: string, onTrouble: (error: Error) => void) {
    this.#fresh = (floor) => new Core(module, root, floor === "" ? config : config.replace(/^floor=.*\n/m, "") + floor);
    this.#onTrouble = onTrouble;
    this.#core = this.#fresh("");
    this.#core.call((wasm) => wasm.realm());
    this.realm = this.#core.text();
    this.#core.call((wasm) => wasm.interest());
    this.interest = this.#core.text().split("\n");
  }

  /** Judges a key. `requirement` comes from {@link compile}; the answer is the core's packed verdict. */
  verifyKey(key: string, ip: string | undefined, requirement: number, now: number): number {
    if (this.trapped !== undefined) return INTERNAL;
    try {
      return this.#sound(this.#core.verifyKey(key, ip, requirement, now));
    } catch (error) {
      return this.#stop(new TrapError(error));
    }
  }

  /** Judges a request block: connection address, request line and header lines, separated by line feeds. */
  verifyBlock(block: string, requirement: number, now: number): number {
    if (this.trapped !== undefined) return INTERNAL;
    try {
      return this.#sound(this.#core.verifyBlock(block, requirement, now));
    } catch (error) {
      return this.#stop(new TrapError(error));
    }
  }

  /** Compiles a requirement into a number that stays valid for the life of the engine. */
  compile(service: string | undefined, permission: string | undefined): number {
    const id = this.#guard(() => this.#core.compile(service, permission));
    // The core counts from 2 those it did not know; the others need not be remembered.
    if (id === this.#requirements.length + 2) this.#requirements.push([service, permission]);
    return id;
  }

  /** The normalised path of a request block, or `undefined` when it has none. */
  path(block: string): string | undefined {
    return this.#guard(() => this.#core.about(block, "path"));
  }

  /** The client's address of a request block as the configured rule derives it, or `undefined` when it is unknown. */
  client(block: string): string | undefined {
    return this.#guard(() => this.#core.about(block, "client"));
  }

  /** The fields behind a verdict given under `snapshot`, or `undefined` when there are none or they are gone. */
  identity(packed: number, snapshot: Snapshot): string[] | undefined {
    if (snapshot.core !== this.#core || this.trapped !== undefined) return undefined;
    try {
      const found = this.#core.call((wasm) => wasm.identity(packed, snapshot.generation));
      return found === 1 ? this.#core.text().split("\x1f") : undefined;
    } catch (error) {
      this.#stop(error as TrapError);
      return undefined;
    }
  }

  /** Version of the root in force. */
  rootVersion(): number {
    return this.#guard(() => this.#core.call((wasm) => wasm.root_version()));
  }

  /** Shows the core a head. */
  offerHead(head: Uint8Array, now: number): Offer {
    return this.#guard(() => {
      this.#core.input(head);
      const offer = this.#core.checked((wasm) => wasm.offer_head(now)) as Offer;
      if (offer === Offer.renewed) {
        this.#head = head;
        this.#took();
      }
      return offer;
    });
  }

  /** Takes a bundle over once the core has proven all of it, by way of `roots` if trust has rotated. */
  async replace(roots: readonly Uint8Array[], bundle: Uint8Array, { now, pause }: Pace): Promise<void> {
    const turn = ++this.#turn;
    try {
      const staged = this.#guard(() => {
        for (const root of roots) {
          this.#core.input(root);
          this.#core.checked((wasm) => wasm.stage_root());
        }
        const place = this.#core.input(bundle);
        this.#core.checked((wasm) => wasm.stage(now()));
        return place;
      });
      const check = () => this.#guard(() => this.#core.checked((wasm) => wasm.stage_check(SLICE)));
      for (let slice = 1; check() > 0; slice++) {
        // Nothing serves yet: begin, and let the core prove each part when it is first needed.
        if (this.snapshot.epoch === 0) break;
        if (slice % SLICES_PER_TURN > 0) continue;
        await pause();
        if (turn !== this.#turn) throw new UpdateError("superseded", "another update began while this one was being checked");
      }
      this.#guard(() => this.#core.checked((wasm) => wasm.commit(now())));
      this.#roots.push(...roots);
      this.#head = undefined;
      this.damaged = false;
      this.#took();
      this.#serving = { ...staged, epoch: this.snapshot.epoch };
    } catch (error) {
      if (this.trapped === undefined && turn === this.#turn) this.#guard(() => this.#core.call((wasm) => wasm.abort()));
      throw error;
    }
  }

  /**
   * Replaces a stopped instance and loads what it served, out of its memory. The core proves all of it again, and accepts
   * nothing older than what served; if it refuses what is there (it may have expired), the instance is left empty.
   */
  async restore(pace: Pace): Promise<void> {
    const { memory } = this.#core.exports;
    const [last, place, head, roots] = [this.snapshot, this.#serving, this.#head, this.#roots];
    this.#renew(last.rootVersion, place?.epoch ?? 0);
    if (place === undefined) return;
    try {
      await this.replace(roots, new Uint8Array(memory.buffer, place.at, place.length), pace);
      if (head !== undefined) this.offerHead(head, pace.now());
    } catch (error) {
      if (this.trapped === undefined) this.#renew(last.rootVersion, last.epoch);
      throw error;
    }
  }

  #renew(rootVersion: number, epoch: number): void {
    this.#core = this.#fresh(epoch === 0 ? "" : `floor=${rootVersion}:${epoch}\n`);
    for (const [service, permission] of this.#requirements) this.#core.compile(service, permission);
    this.trapped = undefined;
    this.damaged = false;
    this.snapshot = NOTHING;
    [this.#serving, this.#head, this.#roots] = [undefined, undefined, []];
  }

  #took(): void {
    const { generation, epoch, issued_at, root_version } = this.#core.exports;
    this.snapshot = { core: this.#core, generation: generation(), epoch: epoch(), issuedAt: issued_at(), rootVersion: root_version() };
  }

  #guard<T>(enter: () => T): T {
    if (this.trapped !== undefined) throw this.trapped;
    try {
      return enter();
    } catch (error) {
      if (error instanceof TrapError) this.#stop(error);
      throw error;
    }
  }

  /** A verdict that was reached, unless a part of the snapshot failed its proof on the way. */
  #sound(packed: number): number {
    if ((packed & 63) === INTERNAL && !this.damaged && this.snapshot.epoch > 0) {
      this.damaged = true;
      this.#onTrouble(new UpdateError("wrong_digest", "a part of the snapshot is not what was signed; another copy is fetched"));
    }
    return packed;
  }

  #stop(error: TrapError): number {
    this.trapped = error;
    this.#onTrouble(error);
    return INTERNAL;
  }
}
