// Edges of the packed SDK that look when they are told to, and note what they asked for and what went wrong.
import { setTimeout as pause } from "node:timers/promises";
import { createVerifier, httpSource } from "edgelatch";

/** Far above what is waited for. */
const LONG = 60_000;

/** Repeats `holds` until it is so. */
export async function until(what, holds) {
  for (const end = Date.now() + LONG; !(await holds()); await pause(20)) {
    if (Date.now() > end) throw new Error(`${what}: not after ${LONG} ms`);
  }
}

const open = new Set();

export class Edge {
  /** What was asked for since the last look, with the status that came: `head 200`. */
  asked = [];
  #source;
  /** Everything that `onError` heard. */
  errors = [];

  /** An edge without a snapshot, until it {@link look looks}. */
  static async begun(source, root) {
    const edge = new Edge();
    edge.at(source);
    const ask = async (url, request) => {
      const path = new URL(url).href.slice(source.length);
      const reply = await fetch(edge.#source + path, request);
      edge.asked.push(`${path.slice(1)} ${reply.status}`);
      return reply;
    };
    return edge.#open(root, httpSource(source, { fetch: ask }), { mode: "manual" });
  }

  /** The same, after its first look. */
  static async serving(source, root) {
    const edge = await Edge.begun(source, root);
    await edge.look();
    return edge;
  }

  /** One that looks by itself, and has a stream where there is one. */
  static async alone(source, root, refresh) {
    return new Edge().#open(root, source, refresh);
  }

  async #open(root, source, refresh) {
    this.verifier = await createVerifier({ root, source, refresh, onError: (error) => this.errors.push(error) });
    open.add(this);
    return this;
  }

  /** From now on it finds that realm where it looks. */
  at(source) {
    this.#source = source;
  }

  static closeAll() {
    for (const edge of open) edge.verifier.close();
    open.clear();
  }

  /** Looks at the source; `updated`, `unchanged`, or the code of what went wrong. */
  async look() {
    this.asked.length = 0;
    return this.verifier.refresh().then((changed) => (changed ? "updated" : "unchanged"), (error) => error.code);
  }

  /** Whether something below this name was asked for in the last look. */
  fetched(name) {
    return this.asked.some((line) => line.startsWith(name));
  }

  verdict({ secret }) {
    return this.verifier.verifyKey(secret).code;
  }

  get epoch() {
    return this.verifier.epoch;
  }

  get lastError() {
    return this.errors.at(-1)?.message;
  }
}
