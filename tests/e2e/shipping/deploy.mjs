// The files by which it is run: systemd's own judgement of the unit, and every command, option, path and variable in them, with the real program.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { until } from "../steps.mjs";

/** The most that `systemd-analyze security` may say of the unit: its scale goes to 10, and below 2 is "OK". */
const EXPOSURE = 1.5;

/** @param {object} context what `run.mjs` has */
export async function deploySteps({ check, run, root, work, unpacked, program, stepWith }) {
  const { parseAllDocuments } = createRequire(join(root, "js/package.json"))("yaml");
  const text = (name) => readFileSync(join(unpacked, "deploy", name), "utf8");
  const yaml = (name) => parseAllDocuments(text(name), { merge: true }).map((document) => (check(document.errors.length === 0, `${name}: ${document.errors}`), document.toJS()));
  const help = [[], ["serve"], ["init"]].map((args) => run(program, [...args, "--help"])).join("\n");
  const options = (args) => args.filter((arg) => arg.startsWith("--")).forEach((arg) => check(help.includes(`${arg.split("=")[0]} `), `there is no ${arg}`));
  const variables = (name) => [...text(name).matchAll(/EDGELATCH_[A-Z_]+/g)].forEach(([word]) => check(help.includes(word), `${name}: there is no ${word}`));

  /** Runs `serve` with these arguments on ports of its own until `test` is done; it must end with 0 when told to. */
  async function serving(args, env, test) {
    const child = spawn(program, [...args, "--json"], { env: { PATH: process.env.PATH, ...env } });
    let [out, log] = ["", ""];
    child.stdout.on("data", (data) => (out += data));
    child.stderr.on("data", (data) => (log += data));
    const ended = once(child, "exit");
    try {
      await until("it listens", () => (check(child.exitCode === null, `it ended: ${log}`), out.includes("\n")));
      await test(JSON.parse(out.split("\n")[0]));
    } finally {
      child.kill("SIGTERM");
    }
    const [code] = await ended;
    check(code === 0, `it ended with ${code}: ${log}`);
  }
  const begin = (name) => {
    const data = join(work, name);
    mkdirSync(data, { mode: 0o700 });
    run(program, ["--data", data, "init", "--realm", "acme", "--save-admin-key", join(work, `${name}.PAK`)]);
    return data;
  };

  await stepWith("systemd-analyze", "systemd finds nothing wrong with the unit, and little that it could still be denied", () => {
    const unit = join(work, "edgelatch.service");
    writeFileSync(unit, text("edgelatch.service").replaceAll("/usr/local/bin/edgelatch", program).replace(/^Documentation=.*$/m, ""));
    const { stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", unit], { encoding: "utf8" });
    const said = stderr.split("\n").filter((line) => line.includes("edgelatch.service"));
    check(said.length === 0, said.join("\n"));
    const exposure = Number(/exposure level for \S+: ([\d.]+)/.exec(run("systemd-analyze", ["security", "--no-pager", "--offline=yes", unit]))?.[1]);
    console.log(`unit: exposure ${exposure}`);
    check(exposure <= EXPOSURE, `exposure ${exposure}`);
  });

  await stepWith("true", "what the unit starts serves, with the options of the file that comes with it", async () => {
    const [, words] = /^ExecStart=\S+ (.*)$/m.exec(text("edgelatch.service"));
    const config = join(work, "edgelatch.toml");
    // As it is handed out, and then with everything in it that is only shown, but for what names another machine.
    const shown = text("edgelatch.toml");
    writeFileSync(config, shown.replace(/"[\d.]+:87\d\d"/g, '"127.0.0.1:0"'));
    const env = { EDGELATCH_DATA: begin("unit"), ...Object.fromEntries([...text("edgelatch.service").matchAll(/^Environment=(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]).filter(([name]) => name !== "EDGELATCH_DATA")) };
    await serving(words.replace("/etc/edgelatch/edgelatch.toml", config).split(" "), env, async ({ addr, api }) => {
      check((await fetch(`http://${addr}/livez`)).ok && (await fetch(`${api}/openapi.json`)).ok, "it does not answer");
    });
    writeFileSync(config, shown.replace(/^# (?=[a-z-]+ = )/gm, ""));
    // Refused for the certificate that is not there, and for nothing before it.
    const refused = spawnSync(program, ["--json", "--config-file", config, "serve"], { encoding: "utf8", env: { ...env, EDGELATCH_DATABASE: join(env.EDGELATCH_DATA, "registry.db"), EDGELATCH_ALERT_SECRET: "x".repeat(32) } });
    check(JSON.parse(refused.stderr.trim().split("\n").at(-1)).error.code === "tls", refused.stderr);
    variables("edgelatch.service");
    variables("edgelatch.toml");
  });

  await stepWith("true", "the Kubernetes manifest asks for nothing that the program does not have, and its probes answer", async () => {
    const documents = yaml("kubernetes.yaml");
    check(documents.map(({ kind }) => kind).join(" ") === "StatefulSet Service Service PodDisruptionBudget", `${documents.map(({ kind }) => kind)}`);
    const pod = documents[0].spec.template;
    const [container] = pod.spec.containers;
    options(container.args);
    variables("kubernetes.yaml");
    // What refers to something refers to what is there.
    const volumes = [...pod.spec.volumes, ...documents[0].spec.volumeClaimTemplates.map(({ metadata }) => metadata)].map(({ name }) => name);
    for (const { name } of container.volumeMounts) check(volumes.includes(name), `no volume ${name}`);
    const ports = container.ports.map(({ name }) => name);
    for (const { spec } of documents.slice(1, 3)) check(ports.includes(spec.ports[0].targetPort) && JSON.stringify(spec.selector) === JSON.stringify(pod.metadata.labels), "a service leads nowhere");
    const args = container.args.map((arg) => arg.replace(/^[\d.]+:\d+$/, "127.0.0.1:0"));
    await serving(args, { EDGELATCH_DATA: begin("pod") }, async ({ addr, api }) => {
      for (const probe of [container.livenessProbe, container.readinessProbe]) {
        check(ports.includes(probe.httpGet.port), `no port ${probe.httpGet.port}`);
        const { status } = await fetch(`http://${addr}${probe.httpGet.path}`);
        check(status === 200, `${probe.httpGet.path}: ${status}`);
      }
      // It is there, for those who may read it.
      const { status } = await fetch(new URL(pod.metadata.annotations["prometheus.io/path"], api));
      check(status === 401, `metrics: ${status}`);
    });
  });

  await stepWith("true", "the compose file starts the image with what it has", () => {
    const [{ services, volumes, networks }] = yaml("compose.yaml");
    check(Object.keys(services).join() === "one,two,prepare,database", `${Object.keys(services)}`);
    for (const { volumes: used } of Object.values(services)) for (const volume of used) check(volume.split(":")[0] in volumes, `no volume ${volume}`);
    for (const name of ["one", "two"]) {
      const node = services[name];
      check(node.read_only && node.cap_drop[0] === "ALL", name);
      // A volume that the image does not have begins as root's: whatever is mounted below /data is given to the image's user before.
      for (const volume of node.volumes.filter((volume) => !volume.endsWith(":/data"))) {
        const { user, entrypoint, volumes: prepared } = services.prepare;
        check(user === "root" && prepared.includes(volume) && entrypoint.at(-1).includes(`chown 65532:65532 ${volume.split(":")[1]} `), volume);
      }
      check(node.depends_on.prepare.condition === "service_completed_successfully" && node.depends_on.database.condition === "service_healthy", name);
      // PostgreSQL as it comes has no TLS: the program must not insist on it, and only over a network that nobody else is in.
      const address = node.environment.EDGELATCH_DATABASE.replace("${POSTGRES_PASSWORD}", "0123456789abcdef");
      check(new URL(address).searchParams.get("sslmode") === "disable", address);
      check(networks.internal.internal && services.database.networks.join() === "internal" && node.networks.includes("internal"), "the database's network");
      const { stderr } = spawnSync(program, ["--json", "realms", "list"], { encoding: "utf8", env: { EDGELATCH_DATABASE: address.replace("@database/", "@127.0.0.1:1/") } });
      check(JSON.parse(stderr.trim().split("\n").at(-1)).error.code === "store_unreachable", stderr);
    }
    variables("compose.yaml");
    const commands = [...text("compose.yaml").matchAll(/^#.* run --rm one (.*)$/gm)].map(([, words]) => words.split(" "));
    check(commands.length > 0, "no command");
    commands.forEach(options);
  });
}
