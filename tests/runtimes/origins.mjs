// Two origins: a realm that redirects in every way there is, and a place where nothing may arrive.
import { createServer } from "node:http";

/** What the realm answers to `/<name>/head`, and so on; the last part is kept. */
const TARGETS = {
  renamed: ({ part }) => [308, `/direct/${part}?signature=of-the-target`], relative: ({ part }) => [302, `../direct/${part}`], other: ({ part }) => [303, `/renamed/${part}`],
  five: ({ part }) => [307, `/four/${part}`], four: ({ part }) => [307, `/three/${part}`], three: ({ part }) => [307, `/two/${part}`], two: ({ part }) => [307, `/one/${part}`],
  one: ({ part }) => [307, `/direct/${part}`], six: ({ part }) => [307, `/five/${part}`], loop: ({ part }) => [301, `/loop/${part}`],
  ...Object.fromEntries([301, 302, 303, 307, 308].map((status) => [`away${status}`, ({ part, away }) => [status, `${away}/direct/${part}?signature=of-the-target`]])),
  twice: ({ part }) => [302, `/away302/${part}`], host: ({ part, port }) => [302, `http://localhost:${port}/direct/${part}`], secure: ({ part, port }) => [302, `https://127.0.0.1:${port}/direct/${part}`],
  named: ({ part, port }) => [302, `http://user:pass@127.0.0.1:${port}/direct/${part}`], slashes: ({ part, away }) => [302, `${away.slice(5)}/direct/${part}`],
  data: () => [302, "data:text/plain,x"], blob: ({ part, port }) => [302, `blob:http://127.0.0.1:${port}/direct/${part}`], silent: () => [302], nonsense: () => [302, "http://["],
};

/** @param sets of objects: bytes by part, by the first part of the path; `direct` for every other one. @returns `{ url, away, stop }`; `GET /seen` on either gives what arrived and forgets it. */
export async function startOrigins(sets) {
  const start = async (answer) => {
    const seen = [];
    const server = createServer((request, response) => {
      if (request.url === "/seen") return void response.end(JSON.stringify(seen.splice(0)));
      seen.push({ url: request.url, headers: request.headers });
      answer(request, response);
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { server, url: `http://127.0.0.1:${server.address().port}` };
  };
  const serve = ({ url, headers }, response) => {
    const [, name, part] = url.split(/[/?]/);
    const objects = sets[name] ?? sets.direct;
    if (headers["if-none-match"] === '"seen"') response.writeHead(304).end();
    else response.writeHead(200, { etag: '"seen"' }).end(objects[part]);
  };
  const away = await start(serve);
  const realm = await start((request, response) => {
    const [, name, part] = request.url.split(/[/?]/);
    if (TARGETS[name] === undefined) return serve(request, response);
    const [status, location] = TARGETS[name]({ part, away: away.url, port: realm.server.address().port });
    response.writeHead(status, location === undefined ? {} : { location }).end();
  });
  return { url: realm.url, away: away.url, stop: () => [realm, away].forEach(({ server }) => (server.closeAllConnections(), server.close())) };
}
