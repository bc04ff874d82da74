// nginx in a directory of its own, on ports of the loopback.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { until } from "./edges.mjs";

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill()));

export class Nginx {
  /** Starts it with what stands in `http { }`. */
  static async start(program, directory, blocks) {
    const nginx = new Nginx();
    mkdirSync(directory, { recursive: true });
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${join(directory, kind)};`);
    const own = ["access_log off;", "default_type application/octet-stream;", ...temporary];
    // Its workers read what a test makes for itself alone.
    const user = process.getuid?.() === 0 ? "user root;" : "";
    const file = join(directory, "nginx.conf");
    const config = `${user} daemon off; worker_processes 1; pid ${join(directory, "pid")};\nevents { worker_connections 512; }\nhttp {\n${own.join("\n")}\n${blocks}\n}\n`;
    writeFileSync(file, config);
    nginx.log = join(directory, "error.log");
    nginx.child = spawn(program, ["-p", directory, "-c", file, "-e", nginx.log], { stdio: ["ignore", "ignore", "inherit"] });
    running.add(nginx.child);
    const ports = [...config.matchAll(/listen 127\.0\.0\.1:(\d+)/g)].map((found) => Number(found[1]));
    await until("nginx listens", async () => {
      if (nginx.child.exitCode !== null) throw new Error(`nginx ended:\n${readFileSync(nginx.log, "utf8")}`);
      return (await Promise.all(ports.map(listens))).every(Boolean);
    });
    return nginx;
  }

  async stop() {
    running.delete(this.child);
    this.child.kill();
    if (this.child.exitCode === null) await once(this.child, "exit");
  }
}

function listens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(true) ?? socket.destroy()).on("error", () => resolve(false));
  });
}

/** A port that nobody listens on. */
export async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  await new Promise((closed) => probe.close(closed));
  return port;
}
