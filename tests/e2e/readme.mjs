// Does what README.md says: its control-plane commands, its JavaScript program, a request with the key and one without, its
// call of the API.
// `node tests/e2e/readme.mjs EDGELATCH`, where EDGELATCH is the command's path; the staged package must be in tests/.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const binary = process.argv[2];
const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const blocks = (language) => [...readme.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"))].map((found) => found[1]);
const commands = blocks("sh").flatMap((block) => block.split("\n")).filter((line) => line.startsWith("edgelatch "));
const command = (name) => {
  const line = commands.find((text) => text.startsWith(`edgelatch ${name}`));
  if (line === undefined) throw new Error(`README.md has no command \`edgelatch ${name}\``);
  return line.replace(/ +#.*$/, "").split(" ").slice(1);
};

const freePort = () =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
const [controlPort, apiPort] = [await freePort(), await freePort()];

const work = mkdtempSync(join(tmpdir(), "edgelatch-readme-"));
const program = fileURLToPath(new URL("../readme-example.mjs", import.meta.url));
const children = [];
process.on("exit", () => {
  for (const child of children) child.kill();
  rmSync(program, { force: true });
  rmSync(work, { recursive: true, force: true, maxRetries: 10 }); // the server may still be writing
});
const edgelatch = (args) => execFileSync(binary, args, { cwd: work, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
const start = (file, args, env) => children.push(spawn(file, args, { cwd: work, env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "inherit"] }));

const { root, admin_key: admin } = JSON.parse(edgelatch([...command("init"), "--json"]));
const key = edgelatch(command("keys create")).trim();
start(binary, command("serve").map((word) => word.replace("8787", controlPort)));
await answered(`http://127.0.0.1:${controlPort}/healthz`);

// Beside the staged package, so that its imports resolve.
writeFileSync(program, blocks("js")[0]);
start(process.execPath, [program], { EDGELATCH_ROOT: root, EDGELATCH_SOURCE: `http://127.0.0.1:${controlPort}/r/acme`, PORT: apiPort });
const api = `http://127.0.0.1:${apiPort}/`;
await answered(api);

const ask = async (headers) => {
  const reply = await fetch(api, { headers });
  return `${reply.status} ${reply.status === 200 ? (await reply.text()).trim() : ""}`.trim();
};
const until = Date.now() + 20_000;
let found;
do found = await ask({ authorization: `Bearer ${key}` });
while (found !== "200 hello ci" && Date.now() < until);
const without = await ask({});
console.log(`with the key: ${found}; without: ${without}`);

const call = blocks("sh").find((block) => block.startsWith("curl ")).replace("8787", controlPort);
const made = JSON.parse(execFileSync("bash", ["-c", call], { encoding: "utf8", env: { ...process.env, EDGELATCH_ADMIN_KEY: admin }, stdio: ["ignore", "pipe", "ignore"] }));
console.log(`over the API: ${made.key?.name ?? JSON.stringify(made)}`);
process.exit(found === "200 hello ci" && without === "401" && made.key?.name === "deploy" && made.secret ? 0 : 1);

async function answered(url) {
  const until = Date.now() + 20_000;
  while (Date.now() < until) {
    if (await fetch(url).then(() => true, () => false)) return;
    await new Promise((turn) => setTimeout(turn, 50));
  }
  throw new Error(`${url} did not answer`);
}
