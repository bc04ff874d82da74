// Next: routes on Node and on the edge, and what stands in front of routes, of each major version, which bundle in different ways.
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { run } from "../place.mjs";
import { EXPECTED, fixture, guarded, handler } from "../program.mjs";

const route = (runtime) => handler(`export const runtime = "${runtime}";\nexport const dynamic = "force-dynamic";\nexport const GET = async () => new Response(await told());\n`);
const protectedRoute = (runtime) => guarded(`export const runtime = "${runtime}";\nexport const dynamic = "force-dynamic";\nexport const GET = protect((request, verdict) => new Response(verdict.name), { verifier, requirement });\n`);
/** What a route behind the check in front sees: no identity but that of the check. */
const behind = `export const dynamic = "force-dynamic";
export const GET = (request) => new Response(["behind", ...[...request.headers.keys()].filter((name) => /edgelatch/.test(name))].join(" "));
`;
/** Middleware, which Next 16 calls proxy and runs on Node. */
const inFront = (name) => guarded(`import { NextResponse } from "next/server";
export const config = { matcher: "/behind" };
export const ${name} = protect((request) => NextResponse.next({ request: { headers: request.headers } }), { verifier, requirement });
`);
const files = {
  "package.json": '{ "name": "user", "private": true }',
  "app/layout.js": "export default ({ children }) => <html><body>{children}</body></html>;\n",
  "app/nodejs/route.js": route("nodejs"),
  "app/edge/route.js": route("edge"),
  "app/protected/nodejs/route.js": protectedRoute("nodejs"),
  "app/protected/edge/route.js": protectedRoute("edge"),
  "app/behind/route.js": behind,
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

const { keys } = fixture;
/** What is protected, and what a good key gets there. */
const GUARDED = { "protected/nodejs": "Key “plain”", "protected/edge": "Key “plain”", behind: "behind" };

/** What is answered to a good key, to two, to one that nobody issued, to none; each with a forged identity. */
async function judged(url, path) {
  const ask = async (headers) => {
    const reply = await fetch(`${url}/${path}`, { headers: { "x-edgelatch-org": "forged", ...headers } });
    return reply.status === 200 ? reply.text() : `${reply.status} ${reply.headers.get("cache-control")}`;
  };
  return Promise.all([ask({ authorization: `Bearer ${keys.plain}` }), ask({ authorization: `Bearer ${keys.plain}`, "x-api-key": keys.plain }), ask({ authorization: `Bearer ${keys.stranger}` }), ask({})]);
}

/** @returns what is not as it must be */
async function wrong(url) {
  const found = [];
  for (const path of ["nodejs", "edge"]) found.push([path, await (await fetch(`${url}/${path}`)).text(), EXPECTED]);
  for (const [path, accepted] of Object.entries(GUARDED)) found.push([path, String(await judged(url, path)), [accepted, "400 no-store", "401 no-store", "401 no-store"].join()]);
  return found.filter(([, given, wanted]) => given !== wanted).map(([path, given]) => `${path}: ${given}`);
}

const built = (major) => {
  const name = major < 16 ? "middleware" : "proxy";
  const installed = fileURLToPath(new URL(`../next-${major}/node_modules`, import.meta.url));
  return {
    tool: "next", version: createRequire(`${installed}/`)("next/package.json").version, how: `\`next build\`, \`next start\`: routes on Node and on the edge, and \`protect\` in them and in ${name}`,
    files: { ...files, [`${name}.js`]: inFront(name) },
    async run(place) {
      for (const link of [["-al"], ["-a"]]) if (await run("cp", [...link, `${installed}/.`, place.at("node_modules")]).then(() => true, () => false)) break;
      const next = place.at("node_modules/next/dist/bin/next");
      await run(process.execPath, [next, "build"], { cwd: place.source });
      rmSync(place.at("node_modules/edgelatch"), { recursive: true });
      const found = await served(place, next, wrong);
      return found.length === 0 ? EXPECTED : found.join("\n");
    },
  };
};

export const NEXT = [built(15), built(16)];
