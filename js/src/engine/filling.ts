/** What the tree that serves lacks, where it began to serve before all of it was there, and how it gets that. */
import { fits, type Lacking } from "./candidate.js";
import { Pace, type Timing } from "./pace.js";
import type { LazyStats } from "../types/verifier.js";
import type { Need } from "./parts.js";
import { type Loaded, tableOf } from "./restore.js";
import { Serving } from "./serving.js";

/** Objects that are asked for at once while a tree is filled. */
const BATCH = 64;

export class Filling extends Serving {
  protected loaded: Loaded | undefined;

  /** The tree that serves, which takes what it lacks. */
  get tree(): Lacking {
    const { instance } = this;
    return {
      treeBytes: this.loaded?.treeBytes ?? 0,
      needs: (limit) => instance.needs("needs", 0, limit),
      supply: ({ place, length }, bytes) => {
        fits("object", bytes, length);
        this.supplies++;
        instance.input(bytes);
        instance.checked((wasm) => wasm.supply(place));
      },
    };
  }

  /** Of a lazy edge: the object that a verdict asks for, if it may be fetched now; `false` if not, `true` if it is here already. */
  wanted(packed: number, now: number): Need | boolean {
    return this.enter((instance) => instance.wanted(packed, now));
  }

  /** Gives the tree that serves an object that was fetched for a verdict. */
  supply(need: Need, bytes: Uint8Array): void {
    this.enter(() => this.tree.supply(need, bytes));
  }

  /** What a lazy edge holds and has done. */
  get lazyStats(): LazyStats | undefined {
    if (this.instance.stopped !== undefined) return undefined;
    const numbers = this.enter((instance) => instance.text((wasm) => wasm.lazy_stats()))?.split(" ").map(Number) ?? [];
    const [objects = 0, bytes = 0, protectedBytes = 0, dropped = 0, fetches = 0, refused = 0] = numbers;
    return numbers.length === 0 ? undefined : { objects, bytes, protectedBytes, dropped, fetches, refused };
  }

  /** Gives the tree that serves what it lacks, as far as it is at hand. What is refused is reported, and stays missing. */
  async fill(timing: Timing, parts = this.parts): Promise<void> {
    if (parts === undefined) return;
    this.parts = parts;
    await timing.pause(); // whoever waited for the tree to serve goes first
    if (this.parts !== parts) return;
    const pace = new Pace(timing);
    for (let last = 0; ; ) {
      // The last one is still the first that is missing if it was refused.
      const needs = this.enter((instance) => instance.needs("needs", last, BATCH)).filter(({ place }) => place !== last);
      if (needs.length === 0) break;
      for (const need of needs) {
        this.enter(() => this.take(need));
        last = need.place;
        await pace.spent(need.length);
        if (this.parts !== parts) return; // another tree serves, or another call has done it
      }
    }
    if (!this.lazy) this.parts = undefined;
    this.mended();
  }

  /** To be called when the tree that serves may have got all it lacked. Returns whether it has. */
  mended(): boolean {
    const { instance } = this;
    const complete = instance.needs("needs", 0, 1).length === 0;
    if (complete && this.loaded !== undefined) this.loaded = { ...this.loaded, table: tableOf(instance) };
    if (complete) this.lacking = undefined;
    return complete;
  }
}
