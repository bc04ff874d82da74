// SvelteKit, Astro and React Router, which Remix has become: the examples as they stand, built and started, and as their development servers have them; the package as a dependency and, where a
// build puts it into the bundle then, as a development dependency.
import { spawn } from "node:child_process";
import { cpSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { publish, treeOf } from "../../../runtimes/publisher.mjs";
import { run } from "../place.mjs";
import { EXPECTED, fixture } from "../program.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const installed = here("../apps/node_modules");
const { keys, roots, snapshots, life } = fixture;

/** Beside the example: a route that streams, and one that tells which names it sees. */
const STREAM = `const pieces = () => ["one ", "two ", "three"].map((text) => new TextEncoder().encode(text));
export const GET = () => {
  const left = pieces();
  return new Response(new ReadableStream({ pull: (controller) => (left.length > 0 ? controller.enqueue(left.shift()) : controller.close()) }));
};
`;
const NAMES = "export const GET = ({ request }) => new Response([...request.headers.keys()].filter((name) => /edgelatch/.test(name)).join() || 'none');\n";

/**
 * The frameworks: their files, how each is built, what starts the result, and its development server; `kinds` are those of dependencies that a program may have it
 * among. `routed`: what has no route is 404 without a check. Astro and React Router leave all packages outside of what they build.
 */
const APPS = {
  sveltekit: {
    package: "@sveltejs/kit", kinds: ["dependencies", "devDependencies"],
    files: { "src/routes/stream/+server.js": STREAM, "src/routes/names/+server.js": NAMES },
    build: ["vite/bin/vite.js", "build"], start: "build/index.js", dev: (port) => ["vite/bin/vite.js", "dev", "--host", "127.0.0.1", "--port", port, "--strictPort"],
  },
  astro: {
    package: "astro", kinds: ["dependencies"],
    files: { "src/pages/stream.js": STREAM, "src/pages/names.js": NAMES },
    build: ["astro/astro.js", "build"], start: "dist/server/entry.mjs", dev: (port) => ["astro/astro.js", "dev", "--host", "127.0.0.1", "--port", port],
  },
  "react-router": {
    package: "react-router", kinds: ["dependencies"],
    files: {
      "app/routes.js": 'import { route } from "@react-router/dev/routes";\nexport default ["zones", "stream", "names"].map((name) => route(name, `routes/${name}.js`));\n',
      "app/routes/stream.js": STREAM.replace("GET", "loader"), "app/routes/names.js": NAMES.replace("GET", "loader"),
    },
    build: ["@react-router/dev/bin.js", "build"], start: "node_modules/@react-router/serve/bin.js build/server/index.js",
    dev: (port) => ["@react-router/dev/bin.js", "dev", "--host", "127.0.0.1", "--port", port],
    routed: true,
  },
};

/** A published realm by the real clock, for as long as `use` takes. */
async function published(use) {
  const files = publish({ epoch: 50, issuedAt: Math.floor(Date.now() / 1000) - 60, life, tree: treeOf(Buffer.from(snapshots.first.bundle, "base64")) });
  const realm = createServer((request, response) => {
    const found = files[request.url.replace("/r/acme/", "")];
    response.writeHead(found === undefined ? 404 : 200).end(found);
  });
  await new Promise((resolve) => realm.listen(0, "127.0.0.1", resolve));
  try {
    return await use(`http://127.0.0.1:${realm.address().port}/r/acme`);
  } finally {
    realm.closeAllConnections();
    realm.close();
  }
}

/** A port that was free a moment ago: none of these says which one it took. */
async function free() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return String(port);
}

/** Starts a program in a place, and asks it once it listens. @returns what is not as it must be */
async function asked(place, source, port, program, routed) {
  const env = { ...process.env, EDGELATCH_ROOT: roots[0], EDGELATCH_SOURCE: source, HOST: "127.0.0.1", PORT: port, ASTRO_TELEMETRY_DISABLED: "1" };
  const child = spawn(process.execPath, program, { cwd: place.source, env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (said += data));
  const ended = new Promise((resolve) => child.on("exit", resolve));
  try {
    const url = `http://127.0.0.1:${port}`;
    for (let tries = 0; !(await fetch(url).catch(() => undefined)); tries++) {
      if (tries > 600 || child.exitCode !== null) return [`it does not listen: ${said}`];
      await new Promise((turn) => setTimeout(turn, 50));
    }
    return (await wrong(url, routed)).map((what) => `${what} ${said.slice(0, 500)}`);
  } finally {
    child.kill();
    await ended;
  }
}

async function wrong(url, routed = false) {
  const bearer = (key) => ({ authorization: `Bearer ${keys[key]}` });
  const ask = async (path, headers) => {
    const reply = await fetch(`${url}/${path}`, { headers: { "x-edgelatch-org": "forged", ...headers } });
    const text = await reply.text();
    return reply.status === 200 ? `${text.trim()} ${reply.headers.get("cache-control")}` : `${reply.status} ${reply.headers.get("content-type")} ${reply.headers.get("cache-control")}`;
  };
  const refused = (status) => `${status} application/problem+json no-store`;
  const wanted = [
    ["zones", bearer("plain"), "hello Key “plain” private"], ["zones", bearer("stranger"), refused(401)], ["zones", {}, refused(401)],
    ["zones", { ...bearer("plain"), "x-api-key": keys.plain }, refused(400)],
    ["zones", bearer("office"), refused(403)], ["stream", bearer("plain"), "one two three private"], ["stream", {}, refused(401)], ["names", bearer("plain"), "none private"],
    ...(routed ? [] : [["no-such-page", {}, refused(401)]]),
  ];
  const found = [];
  for (const [path, headers, answer] of wanted) {
    const given = await ask(path, headers);
    if (given !== answer) found.push(`${path} ${Object.keys(headers)}: ${given} instead of ${answer};`);
  }
  return found;
}

/** Lays down an example with what it needs. */
async function laid(place, name) {
  for (const link of [["-al"], ["-a"]]) if (await run("cp", [...link, `${installed}/.`, place.at("node_modules")]).then(() => true, () => false)) break;
  cpSync(here(`../../../../examples/${name}`), place.source, { recursive: true });
  for (const [path, text] of Object.entries(APPS[name].files)) place.write(path, text);
}

const versions = (name) => createRequire(`${installed}/`)(`${name}/package.json`).version;
const built = (name, kind) => ({
  tool: APPS[name].package, version: versions(APPS[name].package), how: `\`build\` for Node, the package among \`${kind}\``, files: {},
  async run(place) {
    const { build: [program, ...args], start } = APPS[name];
    await laid(place, name);
    const manifest = JSON.parse(readFileSync(place.at("package.json"), "utf8"));
    place.write("package.json", JSON.stringify({ ...manifest, [kind]: { ...manifest[kind], edgelatch: "0.1.0" } }));
    await run(process.execPath, [place.at(`node_modules/${program}`), ...args], { cwd: place.source, env: { ASTRO_TELEMETRY_DISABLED: "1" } });
    // What is no dependency is not there when the program runs.
    if (kind === "devDependencies") rmSync(place.at("node_modules/edgelatch"), { recursive: true });
    const [entry, ...more] = start.split(" ");
    const found = await published(async (source) => asked(place, source, await free(), [place.at(entry), ...more], APPS[name].routed));
    return found.length === 0 ? EXPECTED : found.join("\n");
  },
});
const developed = (name) => ({
  tool: APPS[name].package, version: versions(APPS[name].package), how: "development server", files: {},
  async run(place) {
    await laid(place, name);
    const port = await free();
    const [program, ...args] = APPS[name].dev(port);
    const found = await published((source) => asked(place, source, port, [place.at(`node_modules/${program}`), ...args], APPS[name].routed));
    return found.length === 0 ? EXPECTED : found.join("\n");
  },
});

export const APPLICATIONS = Object.keys(APPS).flatMap((name) => [...APPS[name].kinds.map((kind) => built(name, kind)), developed(name)]);
