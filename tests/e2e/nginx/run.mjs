// Edges behind real nginx: `node tests/e2e/nginx/run.mjs EDGELATCH NGINX [PART]`, the paths of both programs, and a part of the names of
// cases if not all are wanted; the packed SDK must be staged in tests/. The blocks of crates/server/docs/publishing.md are run as they
// stand, but for addresses and paths.
import { readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import { join, resolve } from "node:path";
import caches from "./caches.mjs";
import { Edge } from "./edges.mjs";
import { freePort, Nginx } from "./nginx.mjs";
import { Realm } from "./realm.mjs";
import replies, { tornServer } from "./replies.mjs";
import statics from "./static.mjs";
import streams from "./streams.mjs";

const [binary, program, only = ""] = process.argv.slice(2);
const realm = await Realm.begin(resolve(binary));
realm.show("live");
writeFileSync(join(realm.sites, "index.html"), "<!doctype html><title>Not found</title>");
const torn = await tornServer(http);

const guide = readFileSync(new URL("../../../crates/server/docs/publishing.md", import.meta.url), "utf8");
const [own, cache] = [...guide.matchAll(/^```nginx\n(.*?)^```$/gms)].map((found) => found[1]);
const port = {};
for (const name of ["documented", "cache", "plain", "cached", "revalidating", "streamed"]) port[name] = await freePort();
const place = (block) =>
  block
    .replaceAll(/listen 808[01];/g, (line) => `listen 127.0.0.1:${line.includes("8080") ? port.documented : port.cache};`)
    .replaceAll("127.0.0.1:8080", `127.0.0.1:${port.documented}`)
    .replaceAll("http://127.0.0.1:8787", realm.control.url)
    .replaceAll("/var/lib/edgelatch/published", realm.published)
    .replaceAll("/var/cache/nginx/edgelatch", realm.control.file("cache"));

/** nginx as it comes, over directories that a test has made, with a path for each bad habit. */
const plain = `
server {
  listen 127.0.0.1:${port.plain};
  root ${realm.sites};
  location = /unchanged/r/acme/bundle { return 304; }
  location /packed/ { alias ${realm.published}/; gzip on; gzip_types *; gzip_min_length 0; }
  location /prepacked/ { gzip_static always; }
  location /page/ { try_files $uri /index.html; }
  location /forever/ { max_ranges 0; expires max; add_header Cache-Control "public, immutable"; }
  location /torn/ { proxy_pass http://127.0.0.1:${torn.port}; }
}`;

/** A cache in front of that one, and of the documented one. */
const front = (listen, more) => `
server {
  listen 127.0.0.1:${listen};
  ${more}
  proxy_ignore_headers Cache-Control Expires;
  add_header X-Cache $upstream_cache_status;
  location /live/ { proxy_pass http://127.0.0.1:${port.plain}; }
  location / { proxy_pass http://127.0.0.1:${port.documented}; }
}`;

/** Caches that keep everything until they are asked to let go, or ask again after a second. */
const caching = `
proxy_cache_path ${realm.control.file("keeping")} keys_zone=keeping:1m;
proxy_cache_path ${realm.control.file("revalidating")} keys_zone=revalidating:1m;
${front(port.cached, "proxy_cache keeping; proxy_cache_valid any 1d; proxy_cache_bypass $http_x_let_go;")}
${front(port.revalidating, "proxy_cache revalidating; proxy_cache_valid 200 1s; proxy_cache_revalidate on;")}`;

/** The stream, with nginx as it comes, and with what operators have set for other services. */
const streamed = `
server {
  listen 127.0.0.1:${port.streamed};
  location /packaged/ { proxy_pass ${realm.control.url}/; }
  location /deaf/ { proxy_pass ${realm.control.url}/; proxy_buffering on; proxy_ignore_headers X-Accel-Buffering; }
  location /short/ { proxy_pass ${realm.control.url}/; proxy_read_timeout 1s; }
}`;

const directory = (name) => realm.control.file(`nginx-${name}`);
const origin = () => Nginx.start(program, directory("origin"), place(own));
let documented = await origin();
const roads = await Nginx.start(program, directory("roads"), `${place(cache)}${plain}${caching}${streamed}`);
const at = (name, path) => `http://127.0.0.1:${port[name]}${path}/r/acme`;
const world = {
  realm,
  torn,
  plain: (name) => at("plain", `/${name}`),
  cached: at("cached", "/live"),
  revalidating: (behind) => at("revalidating", behind === "plain" ? "/live" : ""),
  streamed: (name) => at("streamed", `/${name}`),
  documented: {
    origin: at("documented", ""),
    cache: at("cache", ""),
    stopOrigin: () => documented.stop(),
    startOrigin: async () => (documented = await origin()),
  },
  log: () => roads.log,
};
torn.url = at("plain", "/torn");

let [passed, failed] = [0, 0];
for (const [name, run] of [...statics, ...replies, ...caches, ...streams].filter(([name]) => name.includes(only))) {
  try {
    await run(world);
    passed++;
  } catch (error) {
    failed++;
    console.log(`${name}: ${error.stack}`);
  }
}

Edge.closeAll();
await Promise.all([roads.stop(), documented.stop()]);
torn.close();
await realm.end();
console.log(`nginx: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
