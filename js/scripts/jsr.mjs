// Lays down what is published on JSR: `node scripts/jsr.mjs DIRECTORY`, then `deno publish` there. JSR has no conditions, so each name leads to the module for
// Deno, and a module names the file of its types itself.
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const js = fileURLToPath(new URL("..", import.meta.url));

/** What adds to a framework's own types, which JSR takes from no package: there, `request.edgelatch` and the like are the program's to declare. */
const AUGMENTATION = /^(?:\/\*\*(?:(?!\*\/)[^])*\*\/\n)?declare (?:module "[^"]+"|global) \{\n[^]*?^\}\n/gm;

/** The modules whose types a program can come to see, without their endings. */
function typed(entries) {
  const found = new Set(entries.map((path) => path.replace(/^\.\/|\.js$/g, "")));
  for (const module of found) {
    const text = readFileSync(join(js, `${module}.d.ts`), "utf8");
    for (const [, to] of text.matchAll(/(?:from |import\()"(\.[^"]+)\.js"/g)) found.add(join(dirname(module), to));
  }
  return found;
}

/** @param directory made if it is not there */
export function stage(directory) {
  const types = typed(Object.values(JSON.parse(readFileSync(join(js, "jsr.json"), "utf8")).exports));
  const modules = readdirSync(join(js, "dist"), { recursive: true }).filter((name) => name.endsWith(".js") && !name.startsWith("cjs"));
  for (const module of modules.map((name) => `dist/${name.slice(0, -".js".length)}`)) {
    const head = types.has(module) ? `/* @ts-self-types="./${basename(module)}.d.ts" */\n` : "";
    mkdirSync(dirname(join(directory, module)), { recursive: true });
    writeFileSync(join(directory, `${module}.js`), head + readFileSync(join(js, `${module}.js`), "utf8"));
    if (head !== "") writeFileSync(join(directory, `${module}.d.ts`), readFileSync(join(js, `${module}.d.ts`), "utf8").replace(AUGMENTATION, ""));
  }
  for (const name of ["jsr.json", "README.md", "LICENSE", "docs"]) cpSync(join(js, name), join(directory, name), { recursive: true });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) stage(process.argv[2] ?? "jsr");
