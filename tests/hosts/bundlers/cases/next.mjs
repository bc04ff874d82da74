// Next: a route on Node and one on the edge, of each major version, which bundle in different ways.
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { run } from "../place.mjs";
import { EXPECTED, handler } from "../program.mjs";

const route = (runtime) => handler(`export const runtime = "${runtime}";\nexport const dynamic = "force-dynamic";\nexport const GET = async () => new Response(await told());\n`);
const files = {
  "package.json": '{ "name": "user", "private": true }',
  "app/layout.js": "export default ({ children }) => <html><body>{children}</body></html>;\n",
  "app/nodejs/route.js": route("nodejs"),
  "app/edge/route.js": route("edge"),
};

/** Starts `next start` on a free port. @returns what `ask` finds at its address */
async function served(place, next, ask) {
  const child = spawn(process.execPath, [next, "start", "-H", "127.0.0.1", "-p", "0"], { cwd: place.source, stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, NEXT_TELEMETRY_DISABLED: "1" } });
  try {
    let url;
    for await (const line of createInterface({ input: child.stdout })) {
      url ??= /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
      if (/Ready/.test(line)) break;
    }
    return await ask(url);
  } finally {
    child.kill();
  }
}

const built = (major) => {
  const installed = fileURLToPath(new URL(`../next-${major}/node_modules`, import.meta.url));
  return {
    tool: "next", version: createRequire(`${installed}/`)("next/package.json").version, how: "`next build`, routes on Node and on the edge", files,
    async run(place) {
      for (const link of [["-al"], ["-a"]]) if (await run("cp", [...link, `${installed}/.`, place.at("node_modules")]).then(() => true, () => false)) break;
      const next = place.at("node_modules/next/dist/bin/next");
      await run(process.execPath, [next, "build"], { cwd: place.source });
      rmSync(place.at("node_modules/edgelatch"), { recursive: true });
      const found = await served(place, next, (url) => Promise.all(["nodejs", "edge"].map(async (path) => (await fetch(`${url}/${path}`)).text())));
      return found.every((text) => text === EXPECTED) ? EXPECTED : found.join("\n");
    },
  };
};

export const NEXT = [built(15), built(16)];
