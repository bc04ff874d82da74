// The reference: it is that of these sources, and whatever a program can import or read says what it is.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { bare, ENTRIES, exported, reference, signature, unsaid } from "../scripts/reference.mjs";

const all = ENTRIES.flatMap(([entry, path]) => [...exported(path).values()].map((one) => ({ entry, ...one })));

test("docs/reference.md is what `npm run reference` writes", () => {
  assert.ok(ENTRIES.length >= 14);
  assert.equal(readFileSync(new URL("../docs/reference.md", import.meta.url), "utf8"), reference());
});

test("every exported name has a comment", () => {
  assert.ok(all.length > 100);
  assert.deepEqual(all.filter(({ doc }) => !doc).map(({ entry, name }) => `${entry}: ${name}`), []);
});

test("every exported function says what its parameters are and what it gives", () => {
  const functions = all.filter(({ kind }) => kind === "function");
  assert.ok(functions.length >= 20);
  // What is a constant to a program is described where its type is.
  const typed = [["dist/runtime.d.ts", "createVerifier"], ["dist/adapters/protect.d.ts", "Protect"]].map(([path, name]) => {
    const [, doc] = new RegExp(`/\\*\\*((?:(?!\\*/).)*)\\*/\\s*(?:export type |readonly )${name}\\b`, "s").exec(readFileSync(new URL(`../${path}`, import.meta.url), "utf8"));
    return { path, name, doc };
  });
  const missing = [...functions, ...typed].flatMap(({ path, name, doc }) => unsaid(doc, signature(path, name)).map((what) => `${path} ${name}: ${what}`));
  assert.deepEqual([...new Set(missing)], []);
});

test("what a comment leaves unsaid is found", () => {
  assert.deepEqual(unsaid("A thing.", { params: ["a", "b"], gives: true }), ["a", "b", "@returns"]);
  assert.deepEqual(unsaid("@param a its name\n@param b", { params: ["a", "b"], gives: false }), ["b"]);
  assert.deepEqual(signature("dist/adapters/lambda.d.ts", "protect"), { params: ["handler", "options"], gives: true });
});

/** Shapes of what belongs to others, whose own documentation says what their members are. */
const THEIRS = /as far as|^(?:Node's|An event|A result|A response|A KV|A bucket|An object)/;

test("so has every member of what is exported", () => {
  const ours = all.filter(({ doc, name }) => !THEIRS.test(doc ?? "") && !/^(?:Kv|R2|Web|Event|Edge(?:Request|Event|Result)|Lambda)/.test(name));
  const files = new Map();
  for (const { path, name } of ours) files.set(path, (files.get(path) ?? new Set()).add(name));
  assert.ok(files.size > 15);
  assert.deepEqual([...files].flatMap(([path, names]) => bare(path, names).map((member) => `${path}: ${member}`)), []);
});
