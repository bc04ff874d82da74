/** One instance of the wasm module: texts and bytes in, numbers and texts out. It knows nothing of what they mean. */
import { TrapError, UpdateError } from "../errors.js";
import { AS_GIVEN, type Exports, Fetch, LENGTH, NO_TEXT, Noted, TOO_LONG } from "./exports.js";
import { ascii, keyIdAt, type Laid, nextLay, type Note, NOTHING_LAID } from "./laid.js";
import type { Need } from "./parts.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Where bytes lie in the memory of an instance. */
export interface Place {
  readonly at: number;
  readonly length: number;
}

/** Every call into it that does not return throws a {@link TrapError}. */
export class Instance {
  readonly exports: Exports;
  /** Why it stopped. What is in the memory of a stopped instance is only bytes, to be proven again. */
  stopped: TrapError | undefined;
  #key!: Uint8Array;
  #ip!: Uint8Array;
  #block!: Uint8Array;
  #note!: Uint8Array;
  /** Which block lies in its area, and its length. */
  #laid = NOTHING_LAID;
  #length = 0;

  /** @param config the core's configuration text: `key=value` lines */
  constructor(module: WebAssembly.Module, root: Uint8Array, config: string) {
    this.exports = instantiate(module).exports as unknown as Exports;
    this.#views();
    const text = encoder.encode(config);
    this.input(new Uint8Array([...root, ...text]));
    this.checked((wasm) => wasm.open(root.length));
  }

  /** The hot path: two texts in, a packed number out. What it throws is a trap: {@link stop}. */
  verifyKey(key: string, ip: string | undefined, requirement: number, now: number): number {
    if (this.#key.length === 0) this.#views();
    return this.exports.verify_key(put(key, this.#key), put(ip, this.#ip), requirement, now);
  }

  /** The same for a request. */
  verifyBlock(request: Laid, requirement: number, now: number): number {
    return this.exports.verify_block(this.#lay(request), requirement, now);
  }

  /** The same, and leaves what {@link noted} reads. */
  verifyNoting(request: Laid, requirement: number, now: number): number {
    return this.exports.verify_noting(this.#lay(request), requirement, now);
  }

  /**
   * What the last {@link verifyNoting} left.
   *
   * @param peer the connection's address, as it stands in the block
   */
  noted(peer: string | undefined): Note {
    if (this.#note.length === 0) this.#views();
    const note = this.#note;
    const how = note[Noted.how];
    const keyId = note[Noted.keyId] === 0 ? undefined : keyIdAt(note, Noted.keyId);
    return { keyId, client: how === AS_GIVEN ? peer : how === 0 ? undefined : ascii(note, Noted.address, how as number) };
  }

  /** The text of an identity; `undefined` when there is none. */
  identity(packed: number, generation: number): string | undefined {
    const told = this.call((wasm) => wasm.identity(packed, generation));
    return told === 0 ? undefined : decoder.decode(this.bytes({ at: told % LENGTH, length: Math.floor(told / LENGTH) }));
  }

  /** The patterns that the roles behind a verdict grant, as a list; `undefined` when they are gone. */
  grants(packed: number, generation: number): string | undefined {
    return this.text((wasm) => wasm.grants(packed, generation));
  }

  /** The address of a request's client, by the configured rule. */
  client(request: Laid): string | undefined {
    return this.text((wasm) => wasm.client(this.#lay(request)));
  }

  compile(service: string | undefined, permission: string | undefined): number {
    this.#views();
    this.#laid = NOTHING_LAID;
    const [serviceLength, permissionLength] = [put(service, this.#key), put(permission, this.#block)];
    return this.call((wasm) => wasm.compile(serviceLength, permissionLength)) >>> 0;
  }

  compileRoutes(table: string): number {
    this.input(encoder.encode(table));
    return this.checked((wasm) => wasm.compile_routes());
  }

  /** The path of a request in normal form; `undefined` when it has none. Most are the beginning of the target as it was sent, and cross as a number. */
  path(request: Laid & { readonly target: string }): string | undefined {
    const length = this.call((wasm) => wasm.path(this.#lay(request))) >>> 0;
    return length === NO_TEXT ? this.#said() : length === 0 ? undefined : request.target.slice(0, length);
  }

  /** Copies bytes in for the next call that takes them. */
  input(bytes: Uint8Array): void {
    const { length } = bytes;
    const at = this.call((wasm) => wasm.input(length)) >>> 0;
    if (at === 0) throw new UpdateError("too_large", `${length} bytes do not fit into memory`);
    this.bytes({ at, length }).set(bytes);
  }

  /** The objects that a tree lacks, from a place on, as an export lists them. */
  needs(list: "needs" | "stage_needs", from: number, limit: number): readonly Need[] {
    return this.text((wasm) => wasm[list](from, limit))?.split("\n").map(needOf) ?? [];
  }

  /** The object that a packed verdict asks for, if it may be fetched now; `false` if not, `true` if it is here already. */
  wanted(packed: number, now: number): Need | boolean {
    const answer = this.checked((wasm) => wasm.fetch(packed, now));
    return answer === Fetch.granted ? needOf(this.#said()) : answer === Fetch.here;
  }

  /** A view of its memory, which goes stale when the memory grows. */
  bytes({ at, length }: Place): Uint8Array {
    return new Uint8Array(this.exports.memory.buffer, at, length);
  }

  /** The text that an export leaves; it returns 0 when there is none. */
  text(enter: (wasm: Exports) => number): string | undefined {
    return this.call(enter) === 1 ? this.#said() : undefined;
  }

  /** Calls in; a negative answer means a refusal, whose text is `code: detail`. */
  checked(enter: (wasm: Exports) => number): number {
    const answer = this.call(enter);
    if (answer >= 0) return answer;
    const [code, ...detail] = this.#said().split(": ");
    throw new UpdateError(code ?? "", detail.join(": "));
  }

  /** Calls in. */
  call<T>(enter: (wasm: Exports) => T): T {
    if (this.stopped !== undefined) throw this.stopped;
    try {
      return enter(this.exports);
    } catch (error) {
      throw error instanceof TrapError ? error : this.stop(error);
    }
  }

  /** Gives the instance up for what a call into it threw. */
  stop(cause: unknown): TrapError {
    return (this.stopped ??= new TrapError(cause));
  }

  /** Writes a block into its area, unless it still lies there. Returns its length. */
  #lay(request: Laid): number {
    if (this.#block.length === 0) this.#views();
    else if (request.laid === this.#laid) return this.#length;
    this.#length = put(request.block, this.#block);
    this.#laid = request.laid = nextLay();
    return this.#length;
  }

  #said(): string {
    return this.call((wasm) => decoder.decode(this.bytes({ at: wasm.text_ptr() >>> 0, length: wasm.text_len() >>> 0 })));
  }

  #views(): void {
    const { exports: wasm } = this;
    const view = (at: number, length: number) => this.bytes({ at: at >>> 0, length });
    this.#key = view(wasm.key_ptr(), wasm.key_len());
    this.#ip = view(wasm.ip_ptr(), wasm.ip_len());
    this.#block = view(wasm.block_ptr(), wasm.block_len());
    this.#note = view(wasm.note_ptr(), wasm.note_len());
  }
}

/** A line of an export that lists objects. */
function needOf(line: string): Need {
  const [place, length, offset, digest = ""] = line.split(" ");
  return { place: Number(place), length: Number(length), offset: Number(offset), digest };
}

/** The core imports nothing: it can do nothing but compute. */
function instantiate(module: WebAssembly.Module): WebAssembly.Instance {
  try {
    return new WebAssembly.Instance(module);
  } catch (error) {
    throw new UpdateError("too_large", `there is no memory for an instance of the core (${error instanceof Error ? error.message : "out of memory"})`);
  }
}

/** Text is never cut: what does not fit whole is reported as such, and the core refuses it. */
function put(text: string | undefined, area: Uint8Array): number {
  if (typeof text !== "string") return NO_TEXT;
  const { read, written } = encoder.encodeInto(text, area);
  return read === text.length ? written : TOO_LONG;
}
