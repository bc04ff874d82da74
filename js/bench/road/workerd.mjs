// An edge in real workerd, and what memory the process of it takes.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageModules, startWorkerd, workDirectory } from "../../../tests/runtimes/workerd.mjs";

const PROGRAM = `
import { createVerifier } from "edgelatch";
let verifier;
export default {
  async fetch(request, { root, source }) {
    if (new URL(request.url).pathname === "/idle") return new Response();
    verifier ??= createVerifier({ root, source, refresh: { mode: "demand" } });
    const edge = await verifier;
    await edge.refresh();
    return Response.json({ epoch: edge.epoch });
  },
};
`;

/** Bytes of a process that are in memory. */
const resident = (pid) => 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]);

/** Starts one; resolves to what refreshes it, how much memory that has added so far, and what ends it. */
export async function workerdEdge(root, source) {
  const directory = workDirectory();
  writeFileSync(join(directory, "edge.js"), PROGRAM);
  const bindings = [["root", "text", root], ["source", "text", source]];
  const modules = [["edge", "esModule", "edge.js"], ...packageModules(directory)];
  const { listeners, pid, stop } = await startWorkerd(directory, modules, [{ name: "edge", bindings }]);
  const ask = async (path) => {
    const reply = await fetch(`http://127.0.0.1:${listeners[0].port}/${path}`);
    if (!reply.ok) throw new Error(`workerd: ${await reply.text()}`);
    await reply.arrayBuffer();
  };
  await ask("idle");
  const before = resident(pid);
  return { refresh: () => ask(""), added: () => resident(pid) - before, stop };
}
