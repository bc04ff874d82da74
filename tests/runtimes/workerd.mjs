// Writes a configuration for workerd and starts it. It resolves nothing by itself: every module is listed by name.
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { reached } from "../packaging/reached.mjs";

const binary = fileURLToPath(new URL("../../js/node_modules/.bin/workerd", import.meta.url));
const staged = fileURLToPath(new URL("../node_modules/edgelatch", import.meta.url));

/** The files of the package as modules, and its name as a module that re-exports the entry for workerd. */
export function packageModules(directory) {
  const { exports } = JSON.parse(readFileSync(join(staged, "package.json"), "utf8"));
  cpSync(join(staged, "dist"), join(directory, "edgelatch/dist"), { recursive: true });
  cpSync(join(staged, "wasm"), join(directory, "edgelatch/wasm"), { recursive: true });
  const entry = exports["."].workerd.default.replace("./", "");
  writeFileSync(join(directory, "edgelatch.js"), `export * from "edgelatch/${entry}";\n`);
  const modules = [...reached(join(directory, "edgelatch"), entry)]; // the others are for other hosts, and workerd refuses what they import
  return [
    ["edgelatch", "esModule", "edgelatch.js"],
    ...modules.map((name) => [`edgelatch/${name}`, name.endsWith(".js") ? "esModule" : "wasm", `edgelatch/${name.replace(/\?module$/, "")}`]),
  ];
}

/**
 * Starts workerd with one service and one socket for each of `workers`:
 * `{ name, port, bindings: [[name, kind, value]] }`, where kind is `text`, `json` or `data` (bytes).
 *
 * @param modules `[name, kind, file]`, the main module first; files lie in `directory`
 * @returns `{ listeners: [{ name, port }], pid, stop }`
 */
export async function startWorkerd(directory, modules, workers, v8Flags = []) {
  const list = modules.map(([name, kind, file]) => `  (name = ${text(name)}, ${kind} = embed ${text(file)}),`).join("\n");
  const services = workers.map(({ name, bindings }) => {
    const bound = bindings.map(([key, kind, value]) => {
      if (kind === "data") {
        writeFileSync(join(directory, `${name}-${key}`), value);
        return `(name = ${text(key)}, data = embed ${text(`${name}-${key}`)})`;
      }
      return `(name = ${text(key)}, ${kind} = ${text(kind === "json" ? JSON.stringify(value) : value)})`;
    });
    return `    (name = ${text(name)}, worker = (modules = .modules, compatibilityDate = "2025-09-01", bindings = [${bound.join(", ")}])),`;
  });
  const sockets = workers.map(
    ({ name, port }) => `    (name = ${text(name)}, address = "127.0.0.1:${port ?? 0}", http = (), service = ${text(name)}),`,
  );
  const config = `using Workerd = import "/workerd/workerd.capnp";

const modules :List(Workerd.Worker.Module) = [
${list}
];

const config :Workerd.Config = (
  services = [
    (name = "internet", network = (allow = ["public", "private"])),
${services.join("\n")}
  ],
  sockets = [
${sockets.join("\n")}
  ],
  v8Flags = [${v8Flags.map(text).join(", ")}],
);
`;
  writeFileSync(join(directory, "config.capnp"), config);
  const child = spawn(binary, ["serve", "--control-fd=3", join(directory, "config.capnp"), "config"], {
    stdio: ["ignore", "inherit", "inherit", "pipe"],
  });
  const stop = () => {
    child.kill();
    rmSync(directory, { recursive: true, force: true });
  };
  process.on("exit", stop);
  const listeners = await new Promise((resolve, reject) => {
    const found = [];
    let rest = "";
    child.on("exit", (code) => reject(new Error(`workerd ended with ${code}`)));
    child.on("error", reject);
    child.stdio[3].on("data", (chunk) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        const { event, socket, port } = JSON.parse(line);
        if (event === "listen") found.push({ name: socket, port });
        if (found.length === workers.length) resolve(found);
      }
    });
  });
  return { listeners, pid: child.pid, stop };
}

export function workDirectory() {
  return mkdtempSync(join(tmpdir(), "edgelatch-workerd-"));
}

const text = (value) => JSON.stringify(value);
