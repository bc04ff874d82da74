import { readFileSync } from "node:fs";
import { join, posix } from "node:path";

/** How the compiler writes what a module needs, as ES modules and as CommonJS. */
const NEEDED = / from "(\.[^"]+)";$|\brequire\("(\.[^"]+)"\)/gm;

/**
 * What a module of the package loads, itself included.
 *
 * @param name its path in the package, such as `dist/index.js`
 * @returns paths, with what was asked for behind the path (`?module`)
 */
export function reached(directory, name, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  const needed = name.endsWith(".js") ? readFileSync(join(directory, name), "utf8").matchAll(NEEDED) : [];
  for (const [, imported, required] of needed) reached(directory, posix.join(posix.dirname(name), imported ?? required), found);
  return found;
}
