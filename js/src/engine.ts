import { Core, type Place } from "./core.js";
import { TrapError, UpdateError } from "./errors.js";
import { CODE, LIMIT, PACKED } from "./generated/codes.js";

/** The core's answer to an offered head. */
export const Offer = { unchanged: 0, renewed: 1, rootNeeded: 2, treeNeeded: 3 } as const;
/** The core's answer to an offered head. */
export type Offer = (typeof Offer)[keyof typeof Offer];

/** An answer, and the most bytes that a bundle can have: of the tree that is needed, else of the one that serves. */
export interface Offered {
  readonly offer: Offer;
  readonly bundleBytes: number;
}

/** What serves: replaced as a whole, so that a verdict can hold on to the one it was given under. */
export interface Snapshot {
  /** The instance that holds the tree. Each tree has one of its own, which lives as long as a verdict that refers to it. */
  readonly core: Core | undefined;
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

const NOTHING: Snapshot = { core: undefined, epoch: 0, issuedAt: 0, rootVersion: 0 };
/** Bytes per call while a bundle is hashed: short calls reach optimised code early, and can be interleaved. */
const SLICE = 1 << 15;
/** Slices between two turns of the event loop, about a millisecond. */
const SLICES_PER_TURN = 8;
/** That much of a bundle is enough to judge it by its head. */
const BEGINNING = LIMIT.rootBytes;

/** What it takes to load once more what serves. */
interface Serving {
  readonly core: Core;
  /** Where the bundle lies in the memory of that instance. */
  readonly place: Place;
  /** The newest head of its tree, if that is another than the bundle's. */
  readonly head: Uint8Array | undefined;
}

/** A bundle that is proven, in its instance, by way of these roots, begun after so many changes. */
interface Loaded {
  readonly core: Core;
  readonly place: Place;
  readonly roots: readonly Uint8Array[];
  readonly changes: number;
}

/**
 * The core: one instance for each tree. An update is proven in an instance of its own, and takes the place of the one that
 * serves only when all of it is sound. So whatever an update is made of, what serves keeps its memory and its verdicts their
 * identities; and an update finds as much room as the first one did.
 */
export class Engine {
  /** Names of the headers that the core wants to see, lower case. */
  readonly interest: readonly string[];
  /** The realm of the root. */
  readonly realm: string;
  /** What serves. */
  snapshot: Snapshot = NOTHING;
  /** Whether a part of what serves turned out not to be what was signed; only a fresh copy mends that. */
  damaged = false;
  /** What was seen so far, in the core's text. Only the core says what it is, and whatever happens it is handed to each next instance. */
  #floor = "";
  #core: Core;
  readonly #open: (floor: string) => Core;
  readonly #onTrouble: (error: Error) => void;
  /**
   * What was compiled, by number and in its order: another instance that compiles the same in this order numbers it alike. What
   * was refused took no number, and what was compiled again got the one it had.
   */
  readonly #compiled = new Map<number, (core: Core) => number>();
  /** Every root from the deployed one to that in force, and those proven since that no head has put into force yet. */
  #roots: readonly Uint8Array[] = [];
  #followed: Uint8Array[] = [];
  #serving: Serving | undefined;
  /** Counts whatever was accepted. What was begun before the last change is not put into force after it. */
  #changes = 0;

  constructor(module: WebAssembly.Module, root: Uint8Array, config: string, onTrouble: (error: Error) => void) {
    this.#open = (floor) => new Core(module, root, floor === "" ? config : `${config.replace(/^floor=.*\n/m, "")}floor=${floor}\n`);
    this.#onTrouble = onTrouble;
    this.#core = this.#open("");
    this.#floor = floorOf(this.#core);
    this.#core.call((wasm) => wasm.realm());
    this.realm = this.#core.text();
    this.#core.call((wasm) => wasm.interest());
    this.interest = this.#core.text().split("\n");
  }

  /** Why the instance that served stopped. Until {@link restore} every verdict is `internal`. */
  get trapped(): TrapError | undefined {
    return this.#core.stopped;
  }

  /** The last root and epoch that were accepted, whatever became of them since; `undefined` for none. */
  get floor(): { readonly rootVersion: number; readonly epoch: number } | undefined {
    const [rootVersion, epoch] = this.#floor.split(":").map(Number);
    return rootVersion && epoch ? { rootVersion, epoch } : undefined;
  }

  /** Judges a key. `requirement` comes from {@link compile}; the answer is the core's packed verdict. */
  verifyKey(key: string, ip: string | undefined, requirement: number, now: number): number {
    if (this.#core.stopped !== undefined) return CODE.internal;
    try {
      return this.#sound(this.#core.verifyKey(key, ip, requirement, now));
    } catch (error) {
      return this.#stop(error);
    }
  }

  /** Judges a request block: connection address, request line and header lines, separated by line feeds. */
  verifyBlock(block: string, requirement: number, now: number): number {
    if (this.#core.stopped !== undefined) return CODE.internal;
    try {
      return this.#sound(this.#core.verifyBlock(block, requirement, now));
    } catch (error) {
      return this.#stop(error);
    }
  }

  /** Compiles a requirement into a number that stays valid for the life of the engine. */
  compile(service: string | undefined, permission: string | undefined): number {
    return this.#number((core) => core.compile(service, permission));
  }

  /** The same for the core's text of a route table, for requests only. Throws if the core refuses it. */
  compileRoutes(table: string): number {
    return this.#number((core) => core.compileRoutes(table));
  }

  /** The normalised path of a request block, or `undefined` when it has none. */
  path(block: string): string | undefined {
    return this.#guard((core) => core.about(block, "path"));
  }

  /** The client's address of a request block as the configured rule derives it, or `undefined` when it is unknown. */
  client(block: string): string | undefined {
    return this.#guard((core) => core.about(block, "client"));
  }

  /** The fields behind a verdict that an instance gave, or `undefined` when there are none or the instance has stopped. */
  identity(packed: number, core: Core): string[] | undefined {
    if (core.stopped !== undefined) return undefined;
    try {
      return core.call((wasm) => wasm.identity(packed)) === 1 ? core.text().split("\x1f") : undefined;
    } catch (error) {
      if (error instanceof TrapError && core === this.#core) this.#onTrouble(error);
      return undefined;
    }
  }

  /** Version of the root that {@link follow} takes next. */
  nextRoot(): number {
    return this.#guard((core) => core.call((wasm) => wasm.root_version())) + this.#followed.length + 1;
  }

  /** Proves a root that follows the last one. It comes into force with a head that needs it. */
  follow(root: Uint8Array): void {
    this.#guard((core) => {
      core.input(root.subarray(0, BEGINNING + 1)); // a longer one is refused by its length alone
      core.checked((wasm) => wasm.stage_root());
    });
    this.#followed.push(root);
  }

  /** Drops what a look that was given up left behind. */
  forget(): void {
    this.#followed = [];
    this.#guard((core) => core.call((wasm) => wasm.abort()));
  }

  /** Shows the core a head, or a bundle, of which the beginning is enough. */
  offer(bytes: Uint8Array, now: number): Offered {
    const head = bytes.subarray(0, BEGINNING);
    return this.#guard((core) => {
      core.input(head);
      const answer = core.checked((wasm) => wasm.offer(now));
      const offer = Math.min(answer, Offer.treeNeeded) as Offer;
      if (offer === Offer.treeNeeded) return { offer, bundleBytes: answer - Offer.treeNeeded };
      if (offer === Offer.renewed && this.#serving !== undefined) this.#serving = { ...this.#serving, head: head.slice() };
      if (offer === Offer.renewed || (offer === Offer.unchanged && this.#followed.length > 0)) {
        this.#took(core, [...this.#roots, ...this.#followed]);
      }
      return { offer, bundleBytes: (this.#serving?.place.length ?? 0) + BEGINNING };
    });
  }

  /**
   * Takes over a bundle that {@link offer} asked for, once the core has proven all of it. `head` is the one that asked: it may
   * vouch for a bundle whose own head is an older one of the same tree. With `alone`, nothing but that head counts.
   */
  async replace(bundle: Uint8Array, pace: Pace, head?: Uint8Array, alone = false): Promise<void> {
    this.#serve(await this.#load(bundle, pace, head, alone), head, pace.now());
  }

  /**
   * Replaces a stopped instance and loads what it served, out of its memory. The core proves all of it again, and accepts
   * nothing older than what was ever seen. If it does not take what is there (it may have expired), the new instance is empty.
   */
  async restore(pace: Pace): Promise<void> {
    const [last, changes] = [this.#serving, this.#changes];
    this.#followed = []; // of a look that was given up: what served did not need them
    if (last === undefined) return this.#begin();
    try {
      const bundle = new Uint8Array(last.core.exports.memory.buffer, last.place.at, last.place.length);
      this.#serve(await this.#load(bundle, pace, last.head, false), last.head, pace.now());
    } catch (error) {
      if (changes === this.#changes) this.#begin(); // unless another look has brought something better meanwhile
      throw error;
    }
  }

  /** Goes on with an instance that knows what was seen, and serves nothing. */
  #begin(): void {
    const core = this.#open(this.#floor);
    for (const compile of this.#compiled.values()) compile(core);
    this.#core = core;
    this.#serving = undefined;
    [this.#roots, this.#followed] = [[], []];
    this.#changes++;
    this.snapshot = NOTHING;
    this.damaged = false;
  }

  /** Proves a bundle in an instance of its own: all of it, or only as much as an edge needs to begin that serves nothing yet. */
  async #load(bundle: Uint8Array, { now, pause }: Pace, head: Uint8Array | undefined, alone: boolean): Promise<Loaded> {
    const [changes, roots] = [this.#changes, [...this.#roots, ...this.#followed]];
    const core = this.#open(this.#floor);
    for (const root of roots) {
      core.input(root);
      core.checked((wasm) => wasm.stage_root());
    }
    if (head !== undefined) {
      core.input(head);
      core.checked((wasm) => wasm.offer(now()));
    }
    const place = core.input(bundle);
    core.checked((wasm) => (alone ? wasm.stage_offered(now()) : wasm.stage(now())));
    for (let slice = 1; core.checked((wasm) => wasm.stage_check(SLICE)) > 0; slice++) {
      // Nothing serves: begin once the directory is proven, and let the core prove each other part when it is first needed.
      const urgent = this.snapshot.epoch === 0 || this.trapped !== undefined;
      if (urgent && core.call((wasm) => wasm.stage_ready()) === 1) break;
      if (slice % SLICES_PER_TURN > 0) continue;
      await pause();
      this.#current(changes);
    }
    return { core, place, roots, changes };
  }

  /** Refuses what was begun when something else served or was seen: the instance that proves it knows only of that. */
  #current(changes: number): void {
    if (changes !== this.#changes) throw new UpdateError("superseded", "the state moved on while the update was being checked");
  }

  /** The switch. Nothing else runs between the first line and the last. */
  #serve({ core, place, roots, changes }: Loaded, head: Uint8Array | undefined, now: number): void {
    this.#current(changes);
    core.checked((wasm) => wasm.commit(now));
    for (const compile of this.#compiled.values()) compile(core);
    this.#took(core, roots);
    this.#core = core;
    this.#serving = { core, place, head: head?.slice() };
    this.damaged = false;
  }

  #number(compile: (core: Core) => number): number {
    const number = this.#guard(compile);
    if (!this.#compiled.has(number)) this.#compiled.set(number, compile);
    return number;
  }

  /** Notes what the core has accepted, and the roots that led up to it. */
  #took(core: Core, roots: readonly Uint8Array[]): void {
    const floor = floorOf(core);
    this.snapshot = core.call((wasm) => ({ core, epoch: wasm.epoch(), issuedAt: wasm.issued_at(), rootVersion: wasm.root_version() }));
    this.#floor = floor;
    this.#roots = roots;
    this.#followed = [];
    this.#changes++;
  }

  #guard<T>(enter: (core: Core) => T): T {
    const before = this.trapped;
    try {
      return enter(this.#core);
    } catch (error) {
      if (error instanceof TrapError && before === undefined) this.#onTrouble(error);
      throw error;
    }
  }

  /** A verdict that was reached, unless a part of the snapshot failed its proof on the way. */
  #sound(packed: number): number {
    if ((packed & PACKED.code) === CODE.internal && !this.damaged && this.snapshot.epoch > 0) {
      this.damaged = true;
      this.#onTrouble(new UpdateError("wrong_digest", "a part of the snapshot is not what was signed; another copy is fetched"));
    }
    return packed;
  }

  #stop(cause: unknown): number {
    this.#onTrouble(this.#core.stop(cause));
    return CODE.internal;
  }
}

function floorOf(core: Core): string {
  return core.call((wasm) => wasm.floor()) === 1 ? core.text() : "";
}
