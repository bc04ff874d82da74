// The reference out of the comments in the compiled types: `node scripts/reference.mjs` writes docs/reference.md. A test compares.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const js = fileURLToPath(new URL("..", import.meta.url));
const manifest = JSON.parse(readFileSync(join(js, "package.json"), "utf8"));
/** A comment and what it stands before, up to the end of the declaration's first line. */
const DECLARATION = /(?:\/\*\*((?:(?!\*\/).)*)\*\/\s*)?export (?:declare )?(?:abstract )?(function|class|const|interface|type) (\w+)([^\n]*)/gs;

/** Each name that a module exports, with its declaration; those of other modules too. */
export function exported(path, found = new Map()) {
  const text = readFileSync(join(js, path), "utf8");
  const from = (to) => join(dirname(path), to.replace(/\.js$/, ".d.ts"));
  for (const [, doc, kind, name, rest] of text.matchAll(DECLARATION)) found.set(name, { kind, name, rest, doc: plain(doc), path });
  for (const [, to] of text.matchAll(/export \* from "([^"]+)"/g)) exported(from(to), found);
  for (const [, names, to] of text.matchAll(/export (?:type )?\{([^}]+)\} from "([^"]+)"/g)) {
    const theirs = exported(from(to));
    for (const name of names.split(",").map((one) => one.replace("type ", "").trim())) {
      if (!theirs.has(name)) throw new Error(`${path}: ${name} is not in ${to}`);
      found.set(name, theirs.get(name));
    }
  }
  return found;
}

/** A comment without its stars. */
const plain = (doc) => doc?.split("\n").map((line) => line.replace(/^\s*\* ?/, "").trim()).join("\n").trim();

/** Members that have no comment, of what a program may see of a file of types. */
export function bare(path, names) {
  const lines = readFileSync(join(js, path), "utf8").split("\n");
  const missing = [];
  let within;
  lines.forEach((line, i) => {
    const opened = /^export (?:declare )?(?:abstract )?(?:interface|class) (\w+)/.exec(line);
    if (opened !== null && !line.endsWith("}") && names.has(opened[1])) within = opened[1];
    if (line === "}") within = undefined;
    const member = within !== undefined && /^ {4}(?:readonly |get |static )*(\w+)[?(:<]/.exec(line);
    if (member && !/\*\/$/.test(lines[i - 1]) && member[1] !== "constructor" && !lines[i - 1].trimStart().startsWith(member[1])) missing.push(`${within}.${member[1]}`);
  });
  return missing;
}

/** The parameters of a function and what it gives, as far as a file of types says so: of a function, or of a type or a member that is one. */
export function signature(path, name) {
  const text = readFileSync(join(js, path), "utf8");
  const begin = new RegExp(`(?:export declare function ${name}|export type ${name} = |readonly ${name}: )(?=[<(])`).exec(text);
  if (begin === null) return undefined;
  let [at, depth, part, parts] = [begin.index + begin[0].length, 0, "", []];
  // The types that it is generic over are behind `<`; `=>` closes none.
  const open = () => "<([{".includes(text[at]);
  const close = () => ")]}".includes(text[at]) || (text[at] === ">" && text[at - 1] !== "=");
  for (; ; at++) {
    if (text[at] === "(" && depth === 0) break;
    depth += open() ? 1 : close() ? -1 : 0;
  }
  for (at++; ; at++) {
    if (depth === 0 && (text[at] === "," || text[at] === ")")) {
      parts.push(part);
      part = "";
      if (text[at] === ")") break;
    } else {
      depth += open() ? 1 : close() ? -1 : 0;
      part += text[at];
    }
  }
  const params = parts.map((one) => /^\s*(?:\.\.\.)?(\w+)/.exec(one)?.[1]).filter(Boolean);
  return { params, gives: !/^\)\s*(?::|=>)\s*(?:Promise<void>|void);/.test(text.slice(at)) };
}

/** What a comment does not say of a function: its parameters, what it gives. */
export const unsaid = (doc = "", { params, gives }) => [
  ...params.filter((name) => !new RegExp(`@param ${name} \\S`).test(doc)),
  ...(gives && !/@returns \S/.test(doc) ? ["@returns"] : []),
];

/** The entries, by the name under which a program imports them, and the types of what it gets. */
export const ENTRIES = Object.entries(manifest.exports).flatMap(([name, to]) => {
  const types = name === "." ? to.node.default.types : (to.default?.types ?? "");
  return types.endsWith(".d.ts") ? [[name.replace(/^\./, "edgelatch"), types.slice(2)]] : [];
});

/** Up to the end of the first sentence; examples are left out. */
const sentence = (doc) => {
  const text = doc.replace(/```.*?```/gs, " ").replace(/\{@link ([^}]+)\}/g, "`$1`").replace(/(^|\n)@\w.*/s, "").replace(/\s+/g, " ").trim();
  return /^.*?[.!?](?= [A-Z`]|$)/.exec(text)?.[0] ?? text;
};
const KINDS = ["function", "const", "class", "interface", "type"];

/** The page. */
export function reference() {
  const main = exported(ENTRIES.find(([name]) => name === "edgelatch")[1]);
  const parts = ENTRIES.map(([name, path]) => {
    const all = [...exported(path).values()].filter((one) => name === "edgelatch" || main.get(one.name)?.path !== one.path || one.path === path);
    const own = all.filter(({ name: symbol }) => name === "edgelatch" || name === "edgelatch/testing" || !["createVerifier"].includes(symbol) || path.includes("slim"));
    const rows = own.sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || a.name.localeCompare(b.name)).map(({ kind, name: symbol, doc }) => `| \`${symbol}\` | ${kind} | ${sentence(doc ?? "").replaceAll("|", "\\|")} |\n`);
    return `## ${name}\n\n| name | | |\n|---|---|---|\n${rows.join("")}`;
  });
  return `# Reference\n\nWhat each entry exports, with the first sentence of its documentation; all of it is in the types, where editors show it. Generated by \`npm run reference\`.\n\n${parts.join("\n")}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(join(js, "docs/reference.md"), reference());
