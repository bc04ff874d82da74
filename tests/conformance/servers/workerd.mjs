import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { packageModules, startWorkerd, workDirectory } from "../../runtimes/workerd.mjs";
import { readConfig, ready, trappingFile } from "./native.mjs";

const { config, objects, clock } = readConfig(process.argv[2]);
const directory = workDirectory();
for (const file of ["worker.mjs", "shared.mjs"]) cpSync(fileURLToPath(new URL(file, import.meta.url)), join(directory, file));
writeFileSync(join(directory, "trapping.wasm"), trappingFile());
const modules = [
  ["worker.mjs", "esModule", "worker.mjs"],
  ["shared.mjs", "esModule", "shared.mjs"],
  ["trapping.wasm", "wasm", "trapping.wasm"],
  ...packageModules(directory),
];
const workers = config.listeners.map((listener) => ({
  name: listener.name,
  port: listener.port,
  bindings: [
    ["LISTENER", "json", { listener, clock }],
    ["ROOT", "data", objects.root],
    ["BUNDLE", "data", objects.bundle],
  ],
}));
const { listeners } = await startWorkerd(directory, modules, workers);
ready("workerd", listeners);
