/** Where an edge keeps what it serves, so that its next life can begin without the source. */

/**
 * A store for two values, under names of the letters, digits and signs that a realm's name has. What it returns is believed by nobody: the core
 * proves every byte of it again. An object of your own with these methods will do:
 *
 * ```ts
 * const cache: EdgeCache = { get: (name) => redis.getBuffer(name), put: async (name, bytes) => void (await redis.set(name, bytes)) };
 * ```
 */
export interface EdgeCache {
  /** What was put last under that name, whole or on its way; `undefined` for nothing. */
  get(name: string): Promise<Uint8Array | ReadableStream<Uint8Array> | undefined>;
  /** Replaces it. Resolves once {@link get} finds the new one, also in a process that begins after this one has died. */
  put(name: string, bytes: Uint8Array): Promise<void>;
  /**
   * Whether several edges write here: then each looks at what is there before it writes ({@link get}, of which it reads the beginning, if it is a
   * stream), leaves what is as new, and adds to what others have written. Default `false`.
   */
  readonly shared?: boolean | undefined;
}
