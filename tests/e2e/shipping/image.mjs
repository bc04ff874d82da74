// The image: built from the Dockerfile's last stage without any registry, and run as it would be, with a read-only root and as nobody.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { until } from "../steps.mjs";

const USER = 65532;
/** What the first stage of the Dockerfile leaves in /out, by its `install` lines; the program in it is the one that was handed out. */
function firstStage({ root, work, program, check }) {
  const out = join(work, "stage/out");
  for (const [, directory, mode, from, to] of readFileSync(join(root, "Dockerfile"), "utf8").matchAll(/install (-d|-D) -m (\d+) (?:-o \d+ -g \d+ )?(?:("?[^\s]+"?) )?(\/out\/[^\s]*)/g)) {
    const path = join(work, "stage", to);
    mkdirSync(directory === "-d" ? path : join(path, ".."), { recursive: true });
    if (directory === "-D") copyFileSync(from.includes("dist/edgelatch") ? program : from, path);
    chmodSync(path, parseInt(mode, 8));
  }
  check(existsSync(join(out, "edgelatch")) && existsSync(join(out, "data")), "the Dockerfile no longer installs into /out");
  chownSync(join(out, "data"), USER, USER);
  return join(work, "stage");
}

const freePort = () => new Promise((free) => { const server = createServer(); server.listen(0, "127.0.0.1", () => { const { port } = server.address(); server.close(() => free(port)); }); });

/** @param {object} context what `run.mjs` has */
export async function imageSteps(context) {
  const { check, run, root, work, stepWith } = context;
  const storage = ["--storage-driver", "vfs", "--root", join(work, "storage"), "--runroot", join(work, "runroot")];
  const buildah = (...args) => run("buildah", [...storage, ...args]).trim();
  let image;

  await stepWith("buildah", "the image is built from the Dockerfile's last stage, without a registry", () => {
    if (process.getuid() !== 0) throw new Error("files of another user are made by root alone: run this step as root");
    const stage = firstStage(context);
    buildah("bud", "--format", "docker", "--isolation", "chroot", "--build-context", `build=${stage}`, "--tag", "edgelatch", "--file", join(root, "Dockerfile"), stage);
    const { Docker: { config } } = JSON.parse(buildah("inspect", "--type", "image", "edgelatch"));
    check(config.User === `${USER}:${USER}` && config.Entrypoint[0] === "/edgelatch" && config.Healthcheck.Test.join(" ") === "CMD /edgelatch health" && config.Env.includes("EDGELATCH_HEALTH=http://127.0.0.1:8787/livez"), JSON.stringify(config));
    const container = buildah("from", "edgelatch");
    image = { config, files: buildah("mount", container) };
    const size = Number(run("du", ["--apparent-size", "--summarize", "--bytes", image.files]).split("\t")[0]);
    console.log(`image: ${(size / 1e6).toFixed(1)} MB`);
    const found = run("find", [image.files, "-type", "f"]).trim().split("\n").map((path) => path.slice(image.files.length)).sort();
    check(JSON.stringify(found) === JSON.stringify(["/edgelatch", "/etc/ssl/certs/ca-certificates.crt"]), `${found}`);
  });

  await stepWith("buildah", "it serves with a read-only root and as nobody; its health is asked for as the Dockerfile says; it ends when told to", async () => {
    check(image, "there is no image");
    const data = join(work, "volume");
    mkdirSync(data);
    chownSync(data, USER, USER);
    chmodSync(data, 0o700);
    const env = { ...Object.fromEntries(image.config.Env.map((pair) => pair.split(/=(.*)/s).slice(0, 2))), PATH: process.env.PATH };
    // Mounts of its own, as a container has them: nobody else sees them, and they go with it.
    const script = 'mount --bind "$0" "$0" && mount --options remount,bind,ro "$0" && mount --types tmpfs --options mode=1777 tmpfs "$0/tmp" && mount --bind "$1" "$0/data" && root="$0" && shift && exec chroot --userspec="$U:$U" "$root" "$@"';
    const start = (args) => ["unshare", ["--mount", "sh", "-c", script, image.files, data, ...image.config.Entrypoint, ...args], { env: { ...env, U: String(USER) }, encoding: "utf8" }];
    const inside = (...args) => { const { status, stdout, stderr } = spawnSync(...start(args)); return { status, stdout, stderr }; };

    const begun = inside("init", "--realm", "acme", "--save-admin-key", "/data/admin.PAK");
    check(begun.status === 0, begun.stderr);
    check(inside("man", "/etc/man").status === 2, "the root can be written to");
    const [port, api] = [await freePort(), await freePort()];
    const command = image.config.Cmd.map((word) => word.replace("0.0.0.0:8787", `127.0.0.1:${port}`).replace("0.0.0.0:8788", `127.0.0.1:${api}`));
    const child = spawn(...start(command));
    let log = "";
    child.stderr.on("data", (data) => (log += data));
    const ended = once(child, "exit");
    try {
      await until("it is healthy", async () => inside("health", `http://127.0.0.1:${port}/livez`).status === 0);
      const made = inside("--json", "keys", "create", "--name", "ci", "--role", "reader");
      check(made.status === 0, made.stderr);
      await until("the epoch with the key is out", async () => (await (await fetch(`http://127.0.0.1:${port}/healthz`)).json()).realms[0].epoch > 1);
      check((await fetch(`http://127.0.0.1:${api}/api/v1/openapi.json`)).ok, "the API does not answer");
    } catch (error) {
      throw new Error(`${error.message}\n${log}`);
    } finally {
      child.kill("SIGTERM");
    }
    const [code] = await ended;
    check(code === 0, `it ended with ${code}\n${log}`);
    check(inside("health", `http://127.0.0.1:${port}`).status !== 0, "what does not run is healthy");
  });
}
