// Puts the packed package beside the frameworks, where an application has it: its types are added to theirs.
import { cpSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
rmSync(file("node_modules/edgelatch"), { recursive: true, force: true });
cpSync(file("../node_modules/edgelatch"), file("node_modules/edgelatch"), { recursive: true });
