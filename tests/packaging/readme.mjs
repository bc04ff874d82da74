// The programs of js/README.md, and those of js/docs/bundlers.md, as files that can be type-checked. What they take for granted, the setting declares.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const SETTING = `
declare const root: string, source: string, key: string, usageKey: string, readKey: string;
declare const verifier: import("edgelatch").Verifier;
declare const request: Request;
declare const context: { waitUntil(work: Promise<unknown>): void };
declare const bucket: { get(name: string): Promise<Uint8Array> };
type Handler = (request: import("node:http").IncomingMessage, response: import("node:http").ServerResponse & { send(body: string): void }, next: () => void) => unknown;
declare const app: { use(handler: Handler): void; get(path: string, ...handlers: Handler[]): void };
declare const Deno: { serve(handler: (request: Request, info: { remoteAddr: { hostname: string } }) => Promise<Response>): void };
declare const Bun: { serve(options: { fetch(request: Request): Promise<Response> }): void };
`;

/** Writes them below tests/, where the staged package is found; they are gone when this process ends. @returns their paths */
export function readmePrograms() {
  const pages = ["README.md", "docs/bundlers.md"].map((page) => [...readFileSync(file(`../../js/${page}`), "utf8").matchAll(/^```(\w+)\n(.*?)^```$/gms)]);
  if (pages.some((found) => found.length === 0)) throw new Error("a page has no program");
  const blocks = pages.flat().filter(([, language]) => language !== "sh");
  const unchecked = blocks.find(([, language]) => language !== "ts");
  if (unchecked !== undefined) throw new Error(`there is a program in ${unchecked[1]}: in \`ts\` it would be type-checked`);
  const directory = mkdtempSync(file("./readme-"));
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  const written = (name, text) => {
    const path = join(directory, name);
    writeFileSync(path, text);
    return path;
  };
  return [written("setting.d.ts", SETTING), ...blocks.map(([, , text], i) => written(`program-${i + 1}.ts`, `${text}export {};\n`))];
}
