/** The file `wasm/testing.wasm` in base64. The build writes this module (`scripts/core.mjs`). */
export const TEXT: string;
