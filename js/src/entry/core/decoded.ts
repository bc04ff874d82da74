import { TEXT } from "./text.js";

/** Newer than the language level that the package is compiled for. */
type Decoder = { fromBase64?(text: string): Uint8Array<ArrayBuffer> };

/** Compiles the core out of its text with what the language itself has. */
export async function decodedCore(): Promise<WebAssembly.Module> {
  return compiled(TEXT);
}

/** Compiles a module out of its text. */
export async function compiled(text: string): Promise<WebAssembly.Module> {
  return WebAssembly.compile((Uint8Array as Decoder).fromBase64?.(text) ?? decode(atob(text)));
}

function decode(characters: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}
