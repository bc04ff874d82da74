// A control plane of its own for one run: a fresh directory, the real binary, a port that was free.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Starts `edgelatch serve` over a new realm `acme`; everything ends with the process. */
export async function plane(binary, { preset = "default", serve = [] } = {}) {
  const work = mkdtempSync(join(tmpdir(), "edgelatch-api-"));
  const log = [];
  const env = { ...process.env, EDGELATCH_DATA: join(work, "data") };
  const cli = (...args) => {
    const out = execFileSync(binary, [...args, "--json"], { cwd: work, encoding: "utf8", env, stdio: ["ignore", "pipe", "pipe"] });
    return JSON.parse(out);
  };
  const begun = cli("init", "--realm", "acme", "--preset", preset);
  const server = spawn(binary, ["serve", "--realm", "acme", "--addr", "127.0.0.1:0", "--json", ...serve], { cwd: work, env, stdio: ["ignore", "pipe", "pipe"] });
  process.on("exit", () => {
    server.kill();
    rmSync(work, { recursive: true, force: true });
  });
  server.stderr.on("data", (text) => log.push(String(text)));
  const { addr } = await new Promise((resolve, reject) => {
    server.on("exit", (code) => reject(new Error(`serve ended with ${code}: ${log.join("")}`)));
    createInterface({ input: server.stdout }).on("line", (line) => {
      log.push(`${line}\n`);
      const event = JSON.parse(line);
      if (event.event === "listening") resolve(event);
    });
  });
  return { api: `http://${addr}/api/v1`, origin: `http://${addr}`, admin: begun.admin_key, work, data: env.EDGELATCH_DATA, cli, log };
}
