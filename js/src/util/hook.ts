/** Calls a hook of the host's. It observes: what it throws, at once or later, must not become an answer. */
export function quietly<T>(hook: ((value: T) => unknown) | undefined, value: T): void {
  try {
    const done = hook?.(value);
    if (done instanceof Promise) done.catch(() => {});
  } catch {
    // the hook's own affair
  }
}
