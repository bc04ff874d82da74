/** The package's wasm file as the bundlers of Workers, Vercel, Next and Nitro give it: compiled. They know it by this ending. */
declare module "*.wasm?module" {
  const module: WebAssembly.Module;
  export default module;
}
