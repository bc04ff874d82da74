/**
 * How a snapshot goes from bytes to the instance that serves:
 *
 * 1. `update.ts` fetches a head and shows it to the instance that serves ({@link Engine.offer}). The core proves it and answers
 *    what it takes: nothing, a later root, or another tree.
 * 2. Later roots are fetched and proven one after another ({@link Engine.stageRoot}).
 * 3. For another tree, its bundle is fetched, and `loading.ts` has it proven by an instance of its own, which was told first what
 *    was seen so far (the floor), the roots and the head. Meanwhile `serving.ts` answers requests out of the old one.
 * 4. When all of it is sound, the switch is one synchronous step ({@link Engine.replace}): the new instance commits, compiles the
 *    requirements that the old one had, and serves. The old one lives on as long as a verdict refers to it.
 *
 * So whatever an update is made of, what serves keeps its memory and its verdicts their identities, and an update finds as much
 * room as the first one did. An instance that traps is given up; {@link Engine.restore} takes its bundle out of its memory and
 * goes through 3 and 4 again.
 */
import { UpdateError } from "../errors.js";
import { LIMIT } from "../generated/codes.js";
import { Offer } from "./exports.js";
import { Instance, type Place } from "./instance.js";
import { type Candidate, prove, type Timing } from "./loading.js";
import { NO_SNAPSHOT, Serving } from "./serving.js";

/** An answer to a head, and the most bytes that a bundle can have: of the tree that is needed, else of the one that serves. */
export interface Offered {
  readonly offer: Offer;
  readonly bundleBytes: number;
}

/** What it takes to load once more what serves. */
interface Loaded {
  readonly instance: Instance;
  /** Where the bundle lies in the memory of that instance. */
  readonly place: Place;
  /** The newest head of its tree, if that is another than the bundle's. */
  readonly head: Uint8Array | undefined;
}

/** That much of a bundle is enough to judge it by its head. */
const BEGINNING = LIMIT.rootBytes;

export class Engine extends Serving {
  readonly #open: (floor: string) => Instance;
  /** What was seen so far, in the core's text. Only the core says what it is, and whatever happens it is handed to each next instance. */
  #floor: string;
  /** Every root from the deployed one to that in force, and those proven since that no head has put into force yet. */
  #roots: readonly Uint8Array[] = [];
  #stagedRoots: Uint8Array[] = [];
  #loaded: Loaded | undefined;
  /** Counts whatever was accepted. What was begun before the last change is not put into force after it. */
  #changes = 0;

  /** @param config the core's configuration text: `key=value` lines */
  constructor(module: WebAssembly.Module, root: Uint8Array, config: string, onTrouble: (error: Error) => void) {
    const first = new Instance(module, root, config);
    super(first, onTrouble);
    this.#floor = floorOf(first);
    this.#open = (floor) => new Instance(module, root, floor === "" ? config : `${config.replace(/^floor=.*\n/m, "")}floor=${floor}\n`);
  }

  /** The last root and epoch that were accepted, whatever became of them since; `undefined` for none. */
  get floor(): { readonly rootVersion: number; readonly epoch: number } | undefined {
    const [rootVersion, epoch] = this.#floor.split(":").map(Number);
    return rootVersion && epoch ? { rootVersion, epoch } : undefined;
  }

  /** Version of the root that {@link stageRoot} takes next. */
  nextRoot(): number {
    return this.enter((instance) => instance.call((wasm) => wasm.root_version())) + this.#stagedRoots.length + 1;
  }

  /** Proves a root that follows the last one. It comes into force with a head that needs it. */
  stageRoot(root: Uint8Array): void {
    this.enter((instance) => {
      instance.input(root.subarray(0, LIMIT.rootBytes + 1)); // a longer one is refused by its length alone
      instance.checked((wasm) => wasm.stage_root());
    });
    this.#stagedRoots.push(root);
  }

  /** Drops what a refresh that was given up left behind. */
  abort(): void {
    this.#stagedRoots = [];
    this.enter((instance) => instance.call((wasm) => wasm.abort()));
  }

  /** Shows the core a head, or a bundle, of which the beginning is enough. */
  offer(bytes: Uint8Array, now: number): Offered {
    const head = bytes.subarray(0, BEGINNING);
    return this.enter((instance) => {
      instance.input(head);
      const answer = instance.checked((wasm) => wasm.offer(now));
      const offer = Math.min(answer, Offer.treeNeeded) as Offer;
      if (offer === Offer.treeNeeded) return { offer, bundleBytes: answer - Offer.treeNeeded };
      if (offer === Offer.renewed && this.#loaded !== undefined) this.#loaded = { ...this.#loaded, head: head.slice() };
      if (offer === Offer.renewed || (offer === Offer.unchanged && this.#stagedRoots.length > 0)) {
        this.#accepted(instance, [...this.#roots, ...this.#stagedRoots]);
      }
      return { offer, bundleBytes: (this.#loaded?.place.length ?? 0) + BEGINNING };
    });
  }

  /**
   * Takes over a bundle that {@link offer} asked for, once the core has proven all of it. `head` is the one that asked: it may
   * vouch for a bundle whose own head is an older one of the same tree. With `headAlone`, nothing but that head counts.
   */
  async replace(bundle: Uint8Array, timing: Timing, head?: Uint8Array, headAlone = false): Promise<void> {
    await this.#load({ bundle, roots: [...this.#roots, ...this.#stagedRoots], head, headAlone }, timing);
  }

  /**
   * Replaces a stopped instance and loads what it served, out of its memory. The core proves all of it again, and accepts
   * nothing older than what was ever seen. If it does not take what is there (it may have expired), the new instance is empty.
   */
  async restore(timing: Timing): Promise<void> {
    const [last, changes] = [this.#loaded, this.#changes];
    this.#stagedRoots = []; // of a refresh that was given up: what served did not need them
    if (last === undefined) return this.#empty();
    try {
      const bundle = last.instance.bytes(last.place);
      await this.#load({ bundle, roots: this.#roots, head: last.head, headAlone: false }, timing);
    } catch (error) {
      if (changes === this.#changes) this.#empty(); // unless another refresh has brought something better meanwhile
      throw error;
    }
  }

  /** Goes on with an instance that knows what was seen, and serves nothing. */
  #empty(): void {
    const instance = this.#open(this.#floor);
    this.compileAll(instance);
    this.switchTo(instance);
    this.snapshot = NO_SNAPSHOT;
    this.#loaded = undefined;
    [this.#roots, this.#stagedRoots] = [[], []];
    this.#changes++;
  }

  async #load(candidate: Candidate, timing: Timing): Promise<void> {
    const changes = this.#changes;
    const instance = this.#open(this.#floor);
    const place = await prove(instance, candidate, timing, {
      urgent: () => this.snapshot.epoch === 0 || this.trapped !== undefined,
      check: () => this.#unchanged(changes),
    });
    // The switch: nothing else runs between here and the end.
    this.#unchanged(changes);
    instance.checked((wasm) => wasm.commit(timing.now()));
    this.compileAll(instance);
    this.#accepted(instance, candidate.roots);
    this.switchTo(instance);
    this.#loaded = { instance, place, head: candidate.head?.slice() };
  }

  /** Refuses what was begun when something else served or was seen: the instance that proves it knows only of that. */
  #unchanged(changes: number): void {
    if (changes !== this.#changes) throw new UpdateError("superseded", "the state moved on while the update was being checked");
  }

  /** Notes what the core has accepted, and the roots that led up to it. */
  #accepted(instance: Instance, roots: readonly Uint8Array[]): void {
    const floor = floorOf(instance);
    this.snapshot = instance.call((wasm) => ({ instance, epoch: wasm.epoch(), issuedAt: wasm.issued_at(), rootVersion: wasm.root_version() }));
    this.#floor = floor;
    this.#roots = roots;
    this.#stagedRoots = [];
    this.#changes++;
  }
}

function floorOf(instance: Instance): string {
  return instance.text((wasm) => wasm.floor()) ?? "";
}
