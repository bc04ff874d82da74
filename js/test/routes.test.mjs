// What `routes` refuses is what the core refuses, and what it hands to the core is what was written.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { routes } from "../dist/entry/node.js";
import { RouteTable } from "../dist/request/routes.js";

const vectors = JSON.parse(readFileSync(new URL("../../tests/vectors/routes.json", import.meta.url)));

/** Lines as fields, which may stand in any order. */
const fields = (text) => text.replace(/\n$/, "").split("\n").map((line) => line.split("\t").toSorted());

/** One permission, or any or all of several. */
function permissionOf(text) {
  if (text.includes("|")) return { any: text.split("|") };
  return text.includes("&") ? { all: text.split("&") } : text;
}

/** The arguments of `routes` that mean a table of the core's text; `undefined` where an object cannot say it. */
function meaning(text) {
  const [head, ...lines] = text.replace(/\n$/, "").split("\n");
  const entries = {};
  for (const line of lines) {
    const [entry, ...parts] = line.split("\t");
    if (Object.hasOwn(entries, entry)) return undefined;
    const pairs = parts.map((part) => part.split("="));
    if (parts.join() !== "deny" && (pairs.some(([, value]) => value === undefined) || new Set(pairs.map(([name]) => name)).size < pairs.length)) return undefined;
    entries[entry] = parts.join() === "deny" ? "deny" : Object.fromEntries(pairs.map(([name, value]) => [name, name === "permission" ? permissionOf(value) : value]));
  }
  return ["router=any", "router=lenient", "router=strict"].includes(head) && lines[0]?.startsWith("default") ? [entries, { router: head.slice(7) }] : undefined;
}

test("tables reach the core as they were written", () => {
  for (const { table } of vectors.tables) assert.deepEqual(fields(RouteTable.textOf(routes(...meaning(table)))), fields(table), table);
});

test("what the core refuses is refused when the table is made, but for its bounds", () => {
  let refused = 0;
  for (const text of vectors.refused) {
    const said = meaning(text);
    if (said === undefined) continue;
    const large = Object.keys(said[0]).length > 1024 || text.split("/").length > 33;
    if (large) routes(...said);
    else assert.throws(() => routes(...said), (error) => error instanceof TypeError && error.message.startsWith("routes: "), text);
    refused++;
  }
  assert.ok(refused > 30, `${refused} of ${vectors.refused.length} can be said`);
});

test("only `routes` makes a table", () => {
  const table = routes({ default: {} });
  assert.equal(RouteTable.textOf(table), "router=any\ndefault");
  for (const other of [undefined, null, "router=any\ndefault", {}, Object.create(table), { ...table }, new (class RouteTable {})()]) assert.equal(RouteTable.textOf(other), undefined);
});
