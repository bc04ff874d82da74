/**
 * How a snapshot goes from bytes to what serves:
 *
 * 1. `update.ts` fetches a head and shows it to the core ({@link Engine.offer}), which proves it and answers what it takes:
 *    nothing, a later root, or another tree.
 * 2. Later roots are fetched and proven one after another ({@link Engine.stageRoot}).
 * 3. For another tree, a candidate is begun ({@link Engine.begin}) beside the tree that serves, with which it shares what both have.
 *    `delivery.ts` has it brought what it lacks: by a patch, as single objects, or as a bundle. Meanwhile `serving.ts` answers requests.
 * 4. When nothing is missing, the switch is one synchronous step ({@link Engine.commit}). Where nothing serves yet, the candidate takes over as
 *    soon as the core can answer by it, and is filled meanwhile (`filling.ts`), what a request asks for first.
 *
 * One instance of the core does all that. If it traps, it is given up; {@link Engine.restore} has another one prove what lies in its
 * memory (`restore.ts`). A new process begins in the same way with what was kept of the one before it ({@link Engine.resume}, {@link Engine.holding}).
 */
import { UpdateError } from "../errors.js";
import { LIMIT } from "../generated/codes.js";
import { Candidate } from "./candidate.js";
import { Offer } from "./exports.js";
import { Filling } from "./filling.js";
import type { Holding } from "./holding.js";
import { Instance } from "./instance.js";
import type { Manner } from "./manner.js";
import type { Timing } from "./pace.js";
import { MemoryParts, type Parts, rowsOf } from "./parts.js";
import { prepare, stageRoot, tableOf } from "./restore.js";
import { NO_SNAPSHOT } from "./snapshot.js";

/** An answer to a head, and the most bytes that a bundle can have: of the tree that is needed, else of the one that serves. */
export interface Offered {
  readonly offer: Offer;
  readonly bundleBytes: number;
}

/** That much of a bundle is enough to judge it by its head. */
export const BEGINNING = LIMIT.rootBytes;

export class Engine extends Filling {
  readonly #open: (floor: string) => Instance;
  /** What was seen so far, in the core's text. Only the core says what it is, and whatever happens it is handed to each next instance. */
  #floor: string;
  /** Every root from the deployed one to that in force, and those proven since that no head has put into force yet. */
  #roots: readonly Uint8Array[] = [];
  #stagedRoots: Uint8Array[] = [];
  /** The last head that asked for another tree. */
  #offered: Uint8Array | undefined;
  #candidate: Candidate | undefined;

  /** @param config the core's configuration text: `key=value` lines */
  constructor(module: WebAssembly.Module, root: Uint8Array, config: string, onTrouble: (error: Error) => void, manner?: Manner) {
    const first = new Instance(module, root, config);
    super(first, onTrouble, manner);
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
    return this.instance.call((wasm) => wasm.root_version()) + this.#stagedRoots.length + 1;
  }

  /** Proves a root that follows the last one. It comes into force with a head that needs it. */
  stageRoot(root: Uint8Array): void {
    stageRoot(this.instance, root.subarray(0, LIMIT.rootBytes + 1)); // a longer one is refused by its length alone
    this.#stagedRoots.push(root);
  }

  /** Drops what a refresh that was given up left behind. */
  abort(): void {
    this.#stagedRoots = [];
    this.#candidate = undefined;
    this.instance.call((wasm) => wasm.abort());
  }

  /** Shows the core a head, or a bundle, of which the beginning is enough. */
  offer(bytes: Uint8Array, now: number): Offered {
    const { instance } = this;
    const head = bytes.slice(0, BEGINNING);
    instance.input(head);
    const answer = instance.checked((wasm) => wasm.offer(now));
    const offer = Math.min(answer, Offer.treeNeeded) as Offer;
    if (offer === Offer.treeNeeded) {
      this.#offered = head;
      return { offer, bundleBytes: answer - Offer.treeNeeded };
    }
    if (offer === Offer.renewed && this.loaded !== undefined) this.loaded = { ...this.loaded, head };
    if (offer === Offer.renewed || (offer === Offer.unchanged && this.#stagedRoots.length > 0)) {
      this.#accepted(instance, [...this.#roots, ...this.#stagedRoots]);
    }
    return { offer, bundleBytes: (this.loaded?.treeBytes ?? 0) + BEGINNING };
  }

  /** Begins a tree for the head that was offered last, in the place of the one begun before. What serves stays as it is. */
  begin(now: number): Candidate {
    const { instance } = this;
    this.#candidate = undefined;
    if (this.#offered === undefined) throw new UpdateError("superseded", "no head asks for a tree any more");
    instance.checked((wasm) => wasm.begin(now));
    const roots = [...this.#roots, ...this.#stagedRoots];
    return (this.#candidate = new Candidate(instance, this.#offered, roots, (one) => one === this.#candidate));
  }

  /** Puts a candidate into force: one step, between two requests. `parts` has what it still lacks, for {@link fill}. */
  commit(candidate: Candidate, now: number, parts?: Parts): void {
    candidate.commit(now);
    this.#candidate = undefined;
    this.#serves(this.instance, candidate, parts);
  }

  /**
   * Replaces a stopped instance by one that serves what it served, out of its memory. The core proves all of it again, and accepts
   * nothing older than what was ever seen. If it does not take what is there (it may have expired), the new instance is empty.
   */
  async restore(timing: Timing): Promise<void> {
    const { instance: stopped, loaded: last } = this;
    // Of a refresh that was given up: what served did not need them.
    [this.#candidate, this.#stagedRoots] = [undefined, []];
    if (last === undefined) return this.#empty();
    try {
      await this.#replace(last.head, this.#roots, new MemoryParts(stopped, last.table, this.lazy ? undefined : this.parts), timing);
    } catch (error) {
      if (this.instance === stopped) this.#empty();
      throw error;
    }
  }

  /**
   * Begins with what an earlier life of this edge has left, where nothing serves yet. If the core does not take it, nothing is changed.
   *
   * @param firstRoot version of the first of the roots: this life may have been deployed with a later one
   */
  async resume(head: Uint8Array, roots: readonly Uint8Array[], firstRoot: number, parts: Parts, timing: Timing): Promise<void> {
    await this.#replace(head, roots.slice(Math.max(0, this.nextRoot() - firstRoot)), parts, timing);
  }

  /** What serves, as far as it is here. `undefined` while nothing serves, or while a tree that serves is still being filled. */
  holding(): Holding | undefined {
    const { instance, loaded, trapped, snapshot } = this;
    if (loaded === undefined || (this.parts !== undefined && !this.lazy) || trapped !== undefined) return undefined;
    const [table, supplies, roots] = [tableOf(instance), this.supplies, this.#roots];
    this.loaded = { ...loaded, table };
    const unmoved = () => this.instance === instance && this.snapshot.generation === snapshot.generation && this.supplies === supplies;
    return { ...snapshot, head: loaded.head, roots, firstRoot: snapshot.rootVersion + 1 - roots.length, rows: rowsOf(instance, table), read: (row) => instance.bytes(row), unmoved };
  }

  /** Lets a fresh instance serve what is in the parts, unless another one, or an update, was faster. */
  async #replace(head: Uint8Array, roots: readonly Uint8Array[], parts: Parts, timing: Timing): Promise<void> {
    const { instance: before, snapshot: served } = this;
    const instance = this.#open(this.#floor);
    const treeBytes = await prepare(instance, head, roots, parts, timing);
    if (this.instance !== before || this.snapshot !== served) return;
    instance.checked((wasm) => wasm.commit(timing.now()));
    this.compileAll(instance);
    this.#serves(instance, { head, roots, treeBytes }, parts);
    void this.fill(timing).catch(() => {}); // what goes wrong is reported there
  }

  /** Goes on with an instance that knows what was seen, and serves nothing. */
  #empty(): void {
    const instance = this.#open(this.#floor);
    this.compileAll(instance);
    this.switchTo(instance, NO_SNAPSHOT);
    [this.loaded, this.#offered, this.parts, this.lacking] = [undefined, undefined, undefined, undefined];
    [this.#roots, this.#stagedRoots] = [[], []];
  }

  /** Notes what serves now. Until the core has said all that there is to note, nothing is changed. */
  #serves(instance: Instance, { head, roots, treeBytes }: Pick<Candidate, "head" | "roots" | "treeBytes">, parts: Parts | undefined): void {
    const table = tableOf(instance);
    this.#accepted(instance, roots);
    this.loaded = { head, treeBytes, table };
    [this.#offered, this.parts, this.lacking] = [undefined, parts, undefined];
  }

  /** Notes what the core has accepted, and the roots that led up to it. */
  #accepted(instance: Instance, roots: readonly Uint8Array[]): void {
    const floor = floorOf(instance);
    this.switchTo(instance, this.snapshotOf(instance));
    this.#floor = floor;
    this.#roots = roots;
    this.#stagedRoots = [];
  }
}

function floorOf(instance: Instance): string {
  return instance.text((wasm) => wasm.floor()) ?? "";
}
