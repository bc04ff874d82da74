// `node workerd.mjs SETTINGS.json`: the demo's API in workerd. Prints one line with its port.
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { packageModules, startWorkerd, workDirectory } from "../../runtimes/workerd.mjs";

const settings = JSON.parse(readFileSync(process.argv[2], "utf8"));
const directory = workDirectory();
const own = ["worker.mjs", "edge.mjs"];
for (const file of own) cpSync(fileURLToPath(new URL(file, import.meta.url)), join(directory, file));
const modules = [...own.map((file) => [file, "esModule", file]), ...packageModules(directory)];
const workers = [{ name: "edge", port: settings.port, bindings: [["SETTINGS", "json", settings]] }];
const { listeners } = await startWorkerd(directory, modules, workers);
console.log(JSON.stringify({ ready: true, listeners }));
process.stdin.on("end", () => process.exit(0)).resume();
