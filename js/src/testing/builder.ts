/** The boundary to the module that makes realms, as `wasm/testing/src/lib.rs` draws it. */
import { OptionError } from "../errors.js";

interface Exports {
  readonly memory: WebAssembly.Memory;
  input(length: number): number;
  output_ptr(): number;
  output_len(): number;
  issue(): void;
  realm(): number;
}

/** Random bytes out of which a key is made, and the two signing keys of a realm. */
const [FOR_KEY, FOR_SIGNERS] = [128, 64];

export class Builder {
  readonly #wasm: Exports;
  /** The same for every epoch of a realm. */
  readonly #seeds = crypto.getRandomValues(new Uint8Array(FOR_SIGNERS));

  constructor(module: WebAssembly.Module) {
    const imports: Record<string, Record<string, () => void>> = {};
    for (const { module: from, name } of WebAssembly.Module.imports(module)) (imports[from] ??= {})[name] = () => {};
    this.#wasm = new WebAssembly.Instance(module, imports).exports as unknown as Exports;
  }

  /** The text of a new key. */
  issue(): string {
    this.#give(crypto.getRandomValues(new Uint8Array(FOR_KEY)));
    this.#wasm.issue();
    return new TextDecoder().decode(this.#output());
  }

  /** A realm by its description: its root, and a bundle. Throws an `OptionError` for what can be in no snapshot. */
  realm(description: string): { readonly root: Uint8Array; readonly bundle: Uint8Array } {
    const text = new TextEncoder().encode(description);
    const input = new Uint8Array(FOR_SIGNERS + text.length);
    input.set(this.#seeds);
    input.set(text, FOR_SIGNERS);
    this.#give(input);
    const length = this.#wasm.realm();
    const output = this.#output();
    if (length < 0) throw new OptionError(`fakeVerifier: ${new TextDecoder().decode(output)}`);
    return { root: output.slice(0, length), bundle: output.slice(length) };
  }

  #give(bytes: Uint8Array): void {
    const at = this.#wasm.input(bytes.length) >>> 0;
    new Uint8Array(this.#wasm.memory.buffer, at, bytes.length).set(bytes);
  }

  #output(): Uint8Array {
    return new Uint8Array(this.#wasm.memory.buffer, this.#wasm.output_ptr() >>> 0, this.#wasm.output_len() >>> 0).slice();
  }
}
