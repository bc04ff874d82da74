/** The package's wasm file in base64. The build writes this module (`scripts/core.mjs`): what is imported is found by every bundler. */
export const TEXT: string;
