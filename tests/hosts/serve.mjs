// Serves the routes on one host, and prints its port: `node serve.mjs koa3`; Deno and Bun run it too.
import process from "node:process";
import { SERVERS } from "./servers/table.mjs";

const [module, make] = SERVERS[process.argv[2]];
const port = await make(await import(new URL(`servers/${module}`, import.meta.url).href));
console.log(JSON.stringify({ port }));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
