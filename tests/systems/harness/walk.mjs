// Walks the document of a system: its steps, one after another, against a control plane and an edge of their own.
import { isDeepStrictEqual } from "node:util";
import { Control } from "./control.mjs";
import { Edge } from "./edge.mjs";
import { World } from "./world.mjs";

/** A document's sections, each a list of `[what is promised, what is done, what is expected, how]`. */
export async function walk(scenario, binary, print) {
  const { system, preset, credential, sections, serve } = scenario;
  const control = new Control(binary, preset);
  const results = [];
  const world = new World(control, scenario);
  let edge;
  try {
    await control.init(preset);
    world.keep("administrator", undefined, control.administrator);
    await control.serve(serve === undefined ? [] : await serve(world));
    const { root, source, url, realm } = control;
    edge = await Edge.start({ root, source, url, realm, credential, key: await world.edgeKey() });
    world.edge = edge;
    await scenario.begin?.(world);
    for (const [section, steps] of sections) {
      for (const [promise, action, expected, how] of steps) {
        const place = `${system} ${String(results.length + 1).padStart(2, "0")} ${section}`;
        let [got, error] = [undefined, undefined];
        try {
          got = await how(world);
        } catch (thrown) {
          error = world.redact(thrown.stack ?? String(thrown));
        }
        const ok = error === undefined && fits(expected, got);
        const seen = error ?? world.redact(text(alike(expected, got)));
        results.push({ system, section, promise, action, expected: text(expected), got: seen, ok });
        print(`${ok ? "ok  " : "FAIL"} ${place}: ${promise} [${action}] expected ${text(expected)}, got ${seen}`);
      }
    }
  } finally {
    await edge?.stop();
    await control.stop();
    scenario.end?.(world);
    control.remove();
  }
  return results;
}

/** Whether a result is what was expected: objects by the members named, texts by a pattern where one is given. */
export function fits(expected, got) {
  if (expected instanceof RegExp) return typeof got === "string" && expected.test(got);
  if (Array.isArray(expected)) return Array.isArray(got) && got.length === expected.length && expected.every((one, i) => fits(one, got[i]));
  if (expected === null || typeof expected !== "object") return isDeepStrictEqual(expected, got);
  return got !== null && typeof got === "object" && Object.keys(expected).every((name) => fits(expected[name], got[name]));
}

/** The part of a result that the expectation speaks of, to be shown beside it. */
function alike(expected, got) {
  const both = [expected, got].every((one) => one !== null && typeof one === "object" && !(one instanceof RegExp));
  if (!both) return got;
  if (Array.isArray(expected)) return Array.isArray(got) && got.length === expected.length ? expected.map((one, i) => alike(one, got[i])) : got;
  return Object.fromEntries(Object.keys(expected).map((name) => [name, alike(expected[name], got[name])]));
}

function text(value) {
  const shown = JSON.stringify(value, (_, one) => (one instanceof RegExp ? String(one) : one === undefined ? null : one));
  return (shown ?? "nothing").slice(0, 600);
}
