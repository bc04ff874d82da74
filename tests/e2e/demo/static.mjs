// `node static.mjs DIRECTORY`: hands out files, with a tag made of second and length, as nginx does. Prints one line with its port.
import { readFile, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { join, normalize } from "node:path";

const directory = process.argv[2];

const server = createServer(async (request, response) => {
  const path = join(directory, normalize(new URL(request.url, "http://localhost").pathname));
  try {
    const { mtimeMs, size } = await stat(path);
    const etag = `"${Math.floor(mtimeMs / 1000).toString(16)}-${size.toString(16)}"`;
    if (request.headers["if-none-match"] === etag) return response.writeHead(304, { etag }).end();
    response.writeHead(200, { etag, "content-type": "application/octet-stream" }).end(await readFile(path));
  } catch {
    response.writeHead(404).end();
  }
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ ready: true, listeners: [{ name: "static", port: server.address().port }] })));
process.stdin.on("end", () => process.exit(0)).resume();
